//! A native sim in a virtual machine of its own. Each call of a host function is an exit of the
//! machine and is answered at once; between two exits the sim stands still, and the host reads and
//! writes its image.

use std::sync::Arc;

use kvm_ioctls::Kvm;
use lattice_cell::{IMAGE_BASE, places};
use lattice_policies::{isolation::Isolation, policy::MatchLimits};
use lattice_surface::{Call, Phase, Surface};

use super::{
    doorbell::{self, Arguments, Rung},
    ends,
    machine::{Machine, MachineError, Registers, Ring, Start},
    system::RETURN_DOOR,
    watch::Watch,
};
use crate::{
    guest::Fuel,
    native::{Enclosure, Image, Library, NativeCall, NativeEnd, charge, copied},
};

/// A sim, its image and its machine.
pub(super) struct MicroVm {
    machine: Machine,
    image: Image,
    library: Arc<Library>,
    limits: Arc<MatchLimits>,
    isolation: Isolation,
    watch: Watch,
}

impl MicroVm {
    /// Lays the sim out in a machine. Runs no instruction of it.
    pub(super) fn new(
        device: &Kvm,
        watch: &Watch,
        library: &Arc<Library>,
        limits: &Arc<MatchLimits>,
        isolation: Isolation,
    ) -> Result<Self, MachineError> {
        let image = Image::new(library).map_err(MachineError::Memory)?;
        let layout = library.layout();
        let machine = Machine::new(device, image.fd(), layout.span, &layout.ranges)?;
        let (library, limits) = (Arc::clone(library), Arc::clone(limits));
        Ok(Self { machine, image, library, limits, isolation, watch: watch.clone() })
    }

    fn run(
        &mut self,
        call: &NativeCall,
        surface: &mut Surface,
        fuel: &mut Fuel,
    ) -> Result<i64, NativeEnd> {
        let watch = self.watch.clone();
        let watched = watch.over_this_thread(call.deadline);
        self.begin(call)?;
        while !watched.is_late() {
            match Rung::from(self.machine.run(&watched)) {
                Rung::Call(function) => {
                    let call = self.called(function)?;
                    charge(surface, &call, fuel)?;
                    let answer = self.answer(surface, call)?;
                    self.machine.answer(answer);
                }
                Rung::Returned(value) => return self.end(call, value),
                Rung::Exception(vector) => return Err(self.exception(vector)),
                Rung::Nonsense(at) => return Err(NativeEnd::Ring(doorbell::nonsense(at))),
                Rung::Late => break,
                Rung::Broken(why) => return Err(NativeEnd::Host(why)),
            }
        }
        Err(NativeEnd::Deadline)
    }

    /// The sim's function finds its stack as a C function does that was called: where it returns to
    /// is on top.
    fn begin(&mut self, call: &NativeCall) -> Result<(), NativeEnd> {
        let top = self.library.layout().stack.end - 8;
        self.write_top(RETURN_DOOR)?;
        let start = Start {
            ring: Ring::User,
            instruction: IMAGE_BASE + call.function,
            stack: IMAGE_BASE + top,
            arguments: call.arguments,
        };
        Ok(self.machine.begin(&start)?)
    }

    /// Only a digest has 64 bits; of the others' result, the upper half of the register is nothing.
    /// No address of ours stays on the sim's stack.
    fn end(&mut self, call: &NativeCall, value: u64) -> Result<i64, NativeEnd> {
        self.write_top(0)?;
        let value = value as i64;
        Ok(if call.phase == Phase::Hash { value } else { i64::from(value as i32) })
    }

    fn write_top(&mut self, word: u64) -> Result<(), NativeEnd> {
        let top = self.library.layout().stack.end - 8;
        Ok(self.image.write(top, &word.to_le_bytes())?)
    }

    /// The call of a host function that the registers are.
    fn called(&self, function: u32) -> Result<Call, NativeEnd> {
        let Registers { integers, stack } = self.machine.registers()?;
        let mut arguments = Arguments { integers: [0; 7], double: 0.0 };
        arguments.integers[..6].copy_from_slice(&integers);
        match function {
            places::HTTP_REQUEST => arguments.integers[6] = self.behind_return(stack)?,
            places::GAUGE => arguments.double = self.machine.float()?,
            _ => {}
        }
        doorbell::call(function, &arguments)
            .ok_or_else(|| NativeEnd::Ring(format!("there is no host function {function}")))
    }

    /// The argument that lies behind the return address.
    fn behind_return(&self, stack: u64) -> Result<u64, NativeEnd> {
        let at = stack.wrapping_add(8).wrapping_sub(IMAGE_BASE);
        let ptr = u32::try_from(at).map_err(|_| ends::unmapped(at))?;
        self.check_mapped(ptr, 8)?;
        let mut word = [0; 8];
        self.image.read(ptr.into(), &mut word)?;
        Ok(u64::from_le_bytes(word))
    }

    /// Has the surface act, as it does on the records and the asks of a cell.
    fn answer(&mut self, surface: &mut Surface, call: Call) -> Result<i32, NativeEnd> {
        let layout = self.library.layout();
        if !copied::are_in_image(&call, layout.span) {
            return Ok(copied::act_outside(surface, call));
        }
        match call {
            Call::EventNext { ptr, .. } => self.answer_in_memory(surface, call, ptr),
            Call::Config { ptr, cap } | Call::StateRead { ptr, cap } => {
                if !layout.is_writable(ptr, cap) {
                    return Ok(copied::act_outside(surface, call));
                }
                self.answer_in_memory(surface, call, ptr)
            }
            _ => self.answer_about_memory(surface, call),
        }
    }

    /// A call that the surface answers in the sim's memory. An event is copied there as by the sim
    /// itself: where it may not write, that is the processor's to refuse.
    fn answer_in_memory(
        &mut self,
        surface: &mut Surface,
        call: Call,
        ptr: u32,
    ) -> Result<i32, NativeEnd> {
        let size = surface.moves(&call);
        if !self.library.layout().is_writable(ptr, size) {
            return Err(ends::unmapped(ptr.into()));
        }
        Ok(copied::act_within(surface, call, ptr, &self.image, &mut Vec::new())?)
    }

    /// A call that the surface answers by what stands in the sim's memory.
    fn answer_about_memory(&mut self, surface: &mut Surface, call: Call) -> Result<i32, NativeEnd> {
        if is_read_by_cells(&call) {
            let sizes = copied::looked_at(&call, &self.limits);
            for ((ptr, _), size) in copied::ranges(&call).into_iter().zip(sizes) {
                self.check_mapped(ptr, size)?;
            }
        }
        Ok(copied::act_about(surface, call, &self.limits, &self.image, &mut Vec::new())?)
    }

    fn check_mapped(&self, ptr: u32, len: u32) -> Result<(), NativeEnd> {
        let unmapped = unmapped(&self.library.layout().ranges, ptr, len);
        unmapped.map_or(Ok(()), |offset| Err(ends::unmapped(offset)))
    }

    fn exception(&self, vector: u64) -> NativeEnd {
        let told = || -> Result<NativeEnd, MachineError> {
            let frame = self.machine.frame(vector)?;
            let address = self.machine.fault_address()?;
            let mut code = [0; 2];
            let at = frame.instruction.wrapping_sub(IMAGE_BASE);
            // Where nothing can be read, no system call is.
            let _ = self.image.read(at, &mut code);
            Ok(ends::end(vector, &frame, address, code))
        };
        told().unwrap_or_else(NativeEnd::from)
    }
}

impl Enclosure for MicroVm {
    fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    fn call(
        &mut self,
        call: &NativeCall,
        surface: &mut Surface,
        fuel: &mut Fuel,
    ) -> Result<i64, NativeEnd> {
        self.run(call, surface, fuel)
    }

    fn image(&self) -> &Image {
        &self.image
    }
}

/// Whether a cell copies out itself what such a call points to: there, memory that a sim does not
/// have is the processor's to refuse.
fn is_read_by_cells(call: &Call) -> bool {
    matches!(
        call,
        Call::Log { .. } | Call::Send { .. } | Call::Broadcast { .. } | Call::Result { .. }
    )
}

/// The first byte of a range that is in none of the image's, which are ascending.
fn unmapped(ranges: &[lattice_cell::Range], ptr: u32, len: u32) -> Option<u64> {
    let (mut at, end) = (u64::from(ptr), u64::from(ptr) + u64::from(len));
    for range in ranges {
        if (range.offset..range.offset + range.len).contains(&at) {
            at = range.offset + range.len;
        }
    }
    (at < end).then_some(at)
}

#[cfg(test)]
mod tests {
    use lattice_cell::{Range, Rights};

    #[test]
    fn a_range_is_mapped_also_over_the_border_of_two_parts() {
        let part = |offset, len| Range { offset, len, rights: Rights::Read };
        let ranges = [part(0, 4096), part(4096, 4096), part(65_536, 4096)];
        let unmapped = |ptr, len| super::unmapped(&ranges, ptr, len);
        assert_eq!([unmapped(0, 8192), unmapped(4000, 200), unmapped(9000, 0)], [None; 3]);
        assert_eq!(unmapped(8000, 200), Some(8192));
        assert_eq!(unmapped(65_536, 4097), Some(69_632));
        assert_eq!([unmapped(9000, 1), unmapped(u32::MAX, 1)], [Some(9000), Some(0xffff_ffff)]);
    }
}
