//! A prompt answer is what the surface comes to, whatever is called in whichever phase.

use std::sync::Arc;

use lattice_policies::{PlayerId, policy::MatchLimits};
use lattice_surface::{Call, Event, Phase, Prompt, Surface};
use proptest::{collection::vec, prelude::*};

const MEMORY: u32 = 256;

fn limits() -> Arc<MatchLimits> {
    Arc::new(MatchLimits {
        message_out_bytes: 100,
        tick_messages: 5,
        tick_message_bytes: 300,
        result_bytes: 90,
        ..MatchLimits::default()
    })
}

/// A call, most often with a range in the memory and a player who is there.
fn call() -> impl Strategy<Value = Call> {
    let range = (0..MEMORY + 8, prop_oneof![0..130u32, Just(u32::MAX)]);
    let (player, flags) = ((0..4u32).prop_map(PlayerId), 0..3u32);
    (0..8, range, player, flags).prop_map(|(function, (ptr, len), player, flags)| match function {
        0 => Call::Log { level: flags, ptr, len },
        1 => Call::EventPeek,
        2 => Call::EventNext { ptr, cap: len },
        3 | 4 => Call::Send { player, ptr, len, flags },
        5 => Call::Broadcast { ptr, len, flags },
        6 => Call::Kick { player, reason: 1 },
        _ => Call::Result { ptr, len },
    })
}

fn is_in_memory(call: &Call) -> bool {
    let (Call::Log { ptr, len, .. }
    | Call::EventNext { ptr, cap: len }
    | Call::Send { ptr, len, .. }
    | Call::Broadcast { ptr, len, .. }
    | Call::Result { ptr, len }) = *call
    else {
        return true;
    };
    u64::from(ptr) + u64::from(len) <= u64::from(MEMORY)
}

proptest! {
    #[test]
    fn a_prompt_answer_is_the_surfaces(phase in 0..Phase::ALL.len(), calls in vec(call(), 0..20)) {
        let (phase, limits) = (Phase::ALL[phase], limits());
        let mut surface = Surface::new(Arc::clone(&limits), Arc::from([]), Arc::default());
        surface.begin(Phase::Tick);
        let present = [PlayerId(1), PlayerId(2)];
        for player in present {
            surface.push(Event::Join { player, about: "name".into() }).unwrap();
        }
        surface.begin(phase);
        let mut prompt = Prompt::begin(phase, (&*limits).into());
        let mut memory = vec![0; MEMORY as usize];
        for call in calls {
            let has = |player| present.contains(&player);
            let prompt = prompt.answer(&call, is_in_memory(&call), has);
            let answer = surface.act(&call, &mut memory);
            prop_assert!(prompt.is_none_or(|prompt| prompt == answer), "{call:?}: {prompt:?}, {answer}");
            let is_an_event = matches!(call, Call::EventPeek | Call::EventNext { .. });
            prop_assert!(prompt.is_some() || is_an_event, "{call:?} has no prompt answer");
        }
    }
}
