//! The linker: each host function of the surface table, as a wasm import that charges its fuel,
//! reaches the guest's memory and lets the surface act.

use lattice_policies::{PlayerId, functions::IMPORT_MODULE};
use lattice_surface::{Call, FetchCall};
use wasmtime::{Caller, Linker, Trap};

use super::instance::GuestState;
use crate::engine::Engine;

type Guest<'a> = Caller<'a, GuestState>;

/// A linker that has the twelve host functions and nothing else.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine.wasmtime());
    messages(&mut linker)?;
    events(&mut linker)?;
    blobs(&mut linker)?;
    figures(&mut linker)?;
    fetches(&mut linker)?;
    Ok(linker)
}

fn messages(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_send",
        |guest: Guest<'_>, player: u32, ptr: u32, len: u32, flags: u32| {
            answer(guest, Call::Send { player: PlayerId(player), ptr, len, flags })
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_broadcast",
        |guest: Guest<'_>, ptr: u32, len: u32, flags: u32| {
            answer(guest, Call::Broadcast { ptr, len, flags })
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_kick",
        |guest: Guest<'_>, player: u32, reason: i32| {
            answer(guest, Call::Kick { player: PlayerId(player), reason })
        },
    )?;
    Ok(())
}

fn events(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.func_wrap(IMPORT_MODULE, "lattice_ms_event_peek", |guest: Guest<'_>| {
        answer(guest, Call::EventPeek)
    })?;
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_event_next",
        |guest: Guest<'_>, ptr: u32, cap: u32| answer(guest, Call::EventNext { ptr, cap }),
    )?;
    Ok(())
}

fn blobs(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_config",
        |guest: Guest<'_>, ptr: u32, cap: u32| answer(guest, Call::Config { ptr, cap }),
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_result",
        |guest: Guest<'_>, ptr: u32, len: u32| answer(guest, Call::Result { ptr, len }),
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_state_write",
        |guest: Guest<'_>, ptr: u32, len: u32| answer(guest, Call::StateWrite { ptr, len }),
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_state_read",
        |guest: Guest<'_>, ptr: u32, cap: u32| answer(guest, Call::StateRead { ptr, cap }),
    )?;
    Ok(())
}

fn figures(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_log",
        |guest: Guest<'_>, level: u32, ptr: u32, len: u32| {
            answer(guest, Call::Log { level, ptr, len }).map(drop)
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_gauge",
        |guest: Guest<'_>, ptr: u32, len: u32, value: f64| {
            answer(guest, Call::Gauge { ptr, len, value })
        },
    )?;
    Ok(())
}

fn fetches(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "lattice_ms_http_request",
        |guest: Guest<'_>,
         method: u32,
         url: u32,
         url_len: u32,
         headers: u32,
         headers_len: u32,
         body: u32,
         body_len: u32| {
            let (url, headers, body) = ((url, url_len), (headers, headers_len), (body, body_len));
            answer(guest, Call::HttpRequest(FetchCall { method, url, headers, body }))
        },
    )?;
    Ok(())
}

/// Charges the call's price, then lets the surface act on it.
fn answer(mut guest: Guest<'_>, call: Call) -> wasmtime::Result<i32> {
    let price = guest.data().surface.price(&call);
    let fuel = guest.get_fuel()?;
    guest.set_fuel(fuel.saturating_sub(price))?;
    if fuel < price {
        return Err(Trap::OutOfFuel.into());
    }
    let Some(memory) = guest.data().memory else {
        // Only an active segment or a start function could call before the memory is known, and
        // admission lets neither reach a host function.
        return Err(wasmtime::Error::msg("a host call before the sim's memory was there"));
    };
    let (bytes, state) = memory.data_and_store_mut(&mut guest);
    Ok(state.surface.act(&call, bytes))
}

#[cfg(test)]
mod tests {
    use lattice_policies::{
        Policy,
        functions::{HOST_FUNCTIONS, Scalar},
    };
    use wasmtime::{Store, ValType};

    use super::*;

    fn scalar(ty: ValType) -> Scalar {
        match ty {
            ValType::I32 => Scalar::I32,
            ValType::I64 => Scalar::I64,
            ValType::F64 => Scalar::F64,
            other => panic!("{other} is no scalar of the surface"),
        }
    }

    #[test]
    fn the_linker_has_the_surface_table_and_nothing_else() {
        let engine = Engine::new(&Policy::default(), 1).unwrap();
        let linker = linker(&engine).unwrap();
        let mut store = Store::new(engine.wasmtime(), GuestState::for_tests(&engine));
        let linked: Vec<_> =
            linker.iter(&mut store).map(|(m, n, f)| (m.to_owned(), n.to_owned(), f)).collect();
        assert_eq!(linked.len(), HOST_FUNCTIONS.len());
        for (module, name, function) in linked {
            assert_eq!(module, IMPORT_MODULE);
            let row = lattice_policies::functions::find(&name).expect(&name);
            let ty = function.into_func().expect("a function").ty(&store);
            let params: Vec<_> = ty.params().map(scalar).collect();
            assert_eq!(params, row.signature.params, "{name}");
            assert_eq!(ty.results().map(scalar).next(), row.signature.result, "{name}");
        }
    }
}
