//! A native sim in a virtual machine of its own. Each call of a host function is an exit of the
//! machine and is answered at once; between two exits the sim stands still, and the host reads and
//! writes its image.

use std::{io, ops::Range, sync::Arc};

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
        self.machine.begin(&start).map_err(machine)
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
        self.image.write(top, &word.to_le_bytes()).map_err(memory)
    }

    /// The call of a host function that the registers are.
    fn called(&self, function: u32) -> Result<Call, NativeEnd> {
        let Registers { integers: [a, b, c, d, e, f], stack } =
            self.machine.registers().map_err(machine)?;
        let seventh = if function == places::HTTP_REQUEST { self.behind_return(stack)? } else { 0 };
        let double = if function == places::GAUGE { self.machine.float() } else { Ok(0.0) };
        let double = double.map_err(machine)?;
        let arguments = Arguments { integers: [a, b, c, d, e, f, seventh], double };
        doorbell::call(function, &arguments)
            .ok_or_else(|| NativeEnd::Ring(format!("there is no host function {function}")))
    }

    /// The argument that lies behind the return address.
    fn behind_return(&self, stack: u64) -> Result<u64, NativeEnd> {
        let at = stack.wrapping_add(8).wrapping_sub(IMAGE_BASE);
        let ptr = u32::try_from(at).map_err(|_| ends::unmapped(at))?;
        self.check_mapped(ptr, 8)?;
        let mut word = [0; 8];
        self.image.read(ptr.into(), &mut word).map_err(memory)?;
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
        let mut copy = vec![0; size as usize];
        let answer = copied::act(surface, call, [size, 0, 0], &mut copy);
        if answer >= 0 {
            self.image.write(ptr.into(), &copy).map_err(memory)?;
        }
        Ok(answer)
    }

    /// A call that the surface answers by what stands in the sim's memory.
    fn answer_about_memory(&mut self, surface: &mut Surface, call: Call) -> Result<i32, NativeEnd> {
        let sizes = copied::looked_at(&call, &self.limits);
        let mut copy = vec![0; sizes.iter().sum::<u32>() as usize];
        let mut rest = &mut *copy;
        for ((ptr, _), size) in copied::ranges(&call).into_iter().zip(sizes) {
            if is_read_by_cells(&call) {
                self.check_mapped(ptr, size)?;
            }
            let (part, behind) = rest.split_at_mut(size as usize);
            self.image.read(ptr.into(), part).map_err(memory)?;
            rest = behind;
        }
        Ok(copied::act(surface, call, sizes, &mut copy))
    }

    fn check_mapped(&self, ptr: u32, len: u32) -> Result<(), NativeEnd> {
        let unmapped = self.library.layout().unmapped(ptr, len);
        unmapped.map_or(Ok(()), |offset| Err(ends::unmapped(offset)))
    }

    fn exception(&self, vector: u64) -> NativeEnd {
        let told = || {
            let frame = self.machine.frame(vector)?;
            let address = self.machine.fault_address()?;
            let mut code = [0; 2];
            let at = frame.instruction.wrapping_sub(IMAGE_BASE);
            // Where nothing can be read, no system call is.
            let _ = self.image.read(at, &mut code);
            Ok(ends::end(vector, &frame, address, code))
        };
        told().unwrap_or_else(machine)
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

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.image.read(offset, into)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.image.write(offset, bytes)
    }

    fn filled(&self, range: Range<u64>) -> io::Result<Vec<Range<u64>>> {
        self.image.filled(range)
    }

    fn memory_bytes(&self) -> usize {
        self.image.allocated() as usize
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

fn machine(error: MachineError) -> NativeEnd {
    NativeEnd::Host(error.to_string())
}

fn memory(error: io::Error) -> NativeEnd {
    NativeEnd::Host(format!("the sim's memory can't be reached: {error}"))
}
