//! One virtual machine with one processor, by KVM: its memory, its registers, and why it hands the
//! host's thread back. Knows addresses and numbers, and nothing of sims.

use std::{
    fmt, io,
    os::fd::{AsFd, BorrowedFd},
};

use kvm_bindings::{
    CpuId, KVM_INTERNAL_ERROR_EMULATION, kvm_cpuid_entry2, kvm_dtable, kvm_fpu, kvm_regs,
    kvm_segment,
};
use kvm_ioctls::{Cap, Kvm, VcpuExit, VcpuFd, VmFd};
use lattice_cell::Range;
use thiserror::Error;

use super::{
    mapping::Mapping,
    system::{self, Frame, System},
    watch::Guard,
};

/// The version of KVM's interface, the only one that there ever was.
const API_VERSION: i32 = 12;

/// What of KVM failed.
#[derive(Debug, Error)]
pub(super) enum MachineError {
    #[error("`/dev/kvm` can't be used: {0}")]
    Device(io::Error),
    #[error("KVM's interface has version {0}, and this host speaks version {API_VERSION}")]
    Version(i32),
    #[error("KVM lacks {0}")]
    Lacks(&'static str),
    #[error("the guest's memory can't be laid out: {0}")]
    Memory(io::Error),
    #[error("KVM can't {what}: {error}")]
    Kvm { what: &'static str, error: kvm_ioctls::Error },
}

/// Names what was asked of KVM.
fn kvm(what: &'static str) -> impl Fn(kvm_ioctls::Error) -> MachineError {
    move |error| MachineError::Kvm { what, error }
}

/// A sim's code runs as user; kernel is for the probe, and for the handlers of exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ring {
    Kernel,
    User,
}

/// Where to begin, the other registers being zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) ring: Ring,
    pub(super) instruction: u64,
    pub(super) stack: u64,
    /// As a C function takes them.
    pub(super) arguments: [u64; 2],
}

/// Why the processor was handed back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exit {
    /// It loads so many bytes from where no memory is, and goes on with what it is answered.
    Load { at: u64, len: usize },
    /// It has stored a number where no memory is.
    Store { at: u64, value: u64, len: usize },
    /// The deadline is over.
    Late,
    /// It can't go on, in KVM's words.
    Broken(String),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load { at, len } => write!(f, "it loads {len} bytes at physical {at:#x}"),
            Self::Store { at, value, len } => {
                write!(f, "it stores {value:#x} in {len} bytes at physical {at:#x}")
            }
            Self::Late => f.write_str("it runs past its deadline"),
            Self::Broken(why) => f.write_str(why),
        }
    }
}

/// The registers that a host function's arguments are in, in their order, and what else says
/// something of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Registers {
    pub(super) integers: [u64; 6],
    pub(super) stack: u64,
}

/// Opens KVM, if it can do what a machine needs.
pub(super) fn open() -> Result<Kvm, MachineError> {
    let kvm = Kvm::new().map_err(|error| MachineError::Device(error.into()))?;
    let version = kvm.get_api_version();
    if version != API_VERSION {
        return Err(MachineError::Version(version));
    }
    for (needed, name) in [
        (Cap::UserMemory, "memory that is the host's (KVM_CAP_USER_MEMORY)"),
        (Cap::ExtCpuid, "a choice of what CPUID says (KVM_CAP_EXT_CPUID)"),
    ] {
        if !kvm.check_extension(needed) {
            return Err(MachineError::Lacks(name));
        }
    }
    Ok(kvm)
}

/// A virtual machine. Its fields are dropped in this order: descriptors before memory.
pub(super) struct Machine {
    processor: VcpuFd,
    _vm: VmFd,
    _memory: [Mapping; 2],
    system: System,
}

impl Machine {
    /// A machine whose sim has that image, of so many bytes, and may use those ranges of it.
    pub(super) fn new(
        device: &Kvm,
        image: BorrowedFd<'_>,
        span: u64,
        ranges: &[Range],
    ) -> Result<Self, MachineError> {
        let system = System::new(ranges).map_err(MachineError::Memory)?;
        let own = Mapping::new(system.memory().as_fd(), system.len());
        let memory = [
            own.map_err(MachineError::Memory)?,
            Mapping::new(image, span).map_err(MachineError::Memory)?,
        ];
        let vm = device.create_vm().map_err(kvm("make a virtual machine"))?;
        let places = [system::PHYSICAL, system::IMAGE_PHYSICAL];
        for ((slot, mapping), at) in (0..).zip(&memory).zip(places) {
            mapping.give(&vm, slot, at).map_err(kvm("take the guest's memory"))?;
        }
        let processor = vm.create_vcpu(0).map_err(kvm("make a virtual processor"))?;
        processor.set_cpuid2(&cpuid()?).map_err(kvm("say what CPUID answers"))?;
        let machine = Self { processor, _vm: vm, _memory: memory, system };
        machine.set_tables()?;
        Ok(machine)
    }

    /// Makes the processor begin there, with its other registers as at a program's start.
    pub(super) fn begin(&self, start: &Start) -> Result<(), MachineError> {
        let mut special = self.processor.get_sregs().map_err(kvm("read registers"))?;
        let (code, data) = segments(start.ring);
        (special.cs, special.ss) = (code, data);
        (special.ds, special.es, special.gs) = (data, data, data);
        special.fs = kvm_segment { base: system::THREAD_AT, ..data };
        special.cr2 = 0;
        self.processor.set_sregs(&special).map_err(kvm("set segments"))?;
        let [rdi, rsi] = start.arguments;
        let (rip, rsp, rflags) = (start.instruction, start.stack, RFLAGS);
        // As by `call rax`.
        let registers = kvm_regs { rax: rip, rip, rsp, rdi, rsi, rflags, ..kvm_regs::default() };
        self.processor.set_regs(&registers).map_err(kvm("set registers"))?;
        let fpu = kvm_fpu { fcw: X87_CONTROL, mxcsr: MXCSR, ..kvm_fpu::default() };
        self.processor.set_fpu(&fpu).map_err(kvm("set floating-point registers"))
    }

    /// Runs the processor on the watched thread until it can't go on without the host, or is late.
    pub(super) fn run(&mut self, watched: &Guard<'_>) -> Exit {
        loop {
            match self.processor.run() {
                Ok(VcpuExit::MmioRead(at, into)) => return Exit::Load { at, len: into.len() },
                Ok(VcpuExit::MmioWrite(at, bytes)) => {
                    let (value, len) = (number(bytes), bytes.len());
                    return Exit::Store { at, value, len };
                }
                Ok(VcpuExit::InternalError) => return Exit::Broken(self.internal_error()),
                Ok(other) => return Exit::Broken(format!("KVM's exit is {other:?}")),
                Err(error) if error.errno() == libc::EINTR || error.errno() == libc::EAGAIN => {
                    if watched.is_late() {
                        return Exit::Late;
                    }
                }
                Err(error) => return Exit::Broken(format!("KVM can't run it: {error}")),
            }
        }
    }

    /// What the processor's load is answered when it goes on.
    pub(super) fn answer(&mut self, value: i32) {
        let mut data = [0; 8];
        data[..4].copy_from_slice(&value.to_le_bytes());
        self.processor.get_kvm_run().__bindgen_anon_1.mmio.data = data;
    }

    pub(super) fn registers(&self) -> Result<Registers, MachineError> {
        let all = self.processor.get_regs().map_err(kvm("read registers"))?;
        let integers = [all.rdi, all.rsi, all.rdx, all.rcx, all.r8, all.r9];
        Ok(Registers { integers, stack: all.rsp })
    }

    /// The low half of `xmm0`.
    pub(super) fn float(&self) -> Result<f64, MachineError> {
        let fpu = self.processor.get_fpu().map_err(kvm("read floating-point registers"))?;
        Ok(f64::from_bits(number(&fpu.xmm[0][..8])))
    }

    /// The address whose access raised the last page fault.
    pub(super) fn fault_address(&self) -> Result<u64, MachineError> {
        Ok(self.processor.get_sregs().map_err(kvm("read registers"))?.cr2)
    }

    /// The frame of the exception that has just rung.
    pub(super) fn frame(&self, vector: u64) -> Result<Frame, MachineError> {
        self.system.frame(vector).map_err(MachineError::Memory)
    }

    /// KVM's reason, of an exit that is KVM_EXIT_INTERNAL_ERROR.
    fn internal_error(&mut self) -> String {
        #[allow(unsafe_code, reason = "a field of a union, by the exit's reason")]
        // SAFETY: the exit is an internal error, whose part of the union is plain numbers.
        let reason = unsafe { self.processor.get_kvm_run().__bindgen_anon_1.internal.suberror };
        match reason {
            KVM_INTERNAL_ERROR_EMULATION => "KVM can't emulate an instruction".to_owned(),
            other => format!("KVM_EXIT_INTERNAL_ERROR {other}"),
        }
    }

    /// 64-bit mode, with our tables.
    fn set_tables(&self) -> Result<(), MachineError> {
        let mut special = self.processor.get_sregs().map_err(kvm("read registers"))?;
        let table = |base, limit| kvm_dtable { base, limit, ..kvm_dtable::default() };
        special.gdt = table(system::GDT_AT, system::GDT_LIMIT);
        special.idt = table(system::IDT_AT, system::IDT_LIMIT);
        special.tr = kvm_segment {
            base: system::TASK_AT,
            limit: system::TASK_LIMIT,
            selector: system::TASK,
            type_: 11,
            present: 1,
            ..kvm_segment::default()
        };
        special.ldt = kvm_segment { unusable: 1, ..kvm_segment::default() };
        special.cr3 = system::PAGE_TABLES_AT;
        (special.cr0, special.cr4, special.efer) = (CR0, CR4, EFER);
        self.processor.set_sregs(&special).map_err(kvm("set 64-bit mode"))
    }
}

/// Paging, protection, write protection also of the handlers, floating point with its exceptions.
const CR0: u64 = 1 << 31 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 1 | 1;
/// SSE and its exceptions, 64-bit page tables; and no clock for the sim (TSD).
const CR4: u64 = 1 << 10 | 1 << 9 | 1 << 5 | 1 << 2;
/// 64-bit mode, and pages that can't be run. No `syscall`.
const EFER: u64 = 1 << 11 | 1 << 10 | 1 << 8;
/// Interrupts off, as there are none; bit 1 is always set.
const RFLAGS: u64 = 1 << 1;
/// As a C program finds them: all exceptions masked, to nearest, the x87 at 64 bits.
const X87_CONTROL: u16 = 0x37f;
const MXCSR: u32 = 0x1f80;

/// The code and the data segment.
fn segments(ring: Ring) -> (kvm_segment, kvm_segment) {
    let (code, data, dpl) = match ring {
        Ring::Kernel => (system::KERNEL_CODE, system::KERNEL_DATA, 0),
        Ring::User => (system::USER_CODE, system::USER_DATA, 3),
    };
    let flat =
        kvm_segment { limit: u32::MAX, present: 1, dpl, s: 1, g: 1, ..kvm_segment::default() };
    let code = kvm_segment { selector: code, type_: 11, l: 1, ..flat };
    (code, kvm_segment { selector: data, type_: 3, db: 1, ..flat })
}

/// What CPUID answers: the same on every machine, and no more than a sim is compiled for.
fn cpuid() -> Result<CpuId, MachineError> {
    let leaf = |function, [eax, ebx, ecx, edx]: [u32; 4]| kvm_cpuid_entry2 {
        function,
        eax,
        ebx,
        ecx,
        edx,
        ..kvm_cpuid_entry2::default()
    };
    let name = |at: usize| number(&VENDOR[at..at + 4]) as u32;
    let leaves = [
        leaf(0, [1, name(0), name(8), name(4)]),
        leaf(1, [0, 0, SSE_4_1, BASELINE]),
        leaf(0x8000_0000, [0x8000_0008, 0, 0, 0]),
        // No-execute pages, 64-bit mode.
        leaf(0x8000_0001, [0, 0, 0, 1 << 29 | 1 << 20]),
        // Physical addresses of 36 bits, others of 48.
        leaf(0x8000_0008, [0x3024, 0, 0, 0]),
    ];
    CpuId::from_entries(&leaves).map_err(|_| MachineError::Lacks("room for what CPUID answers"))
}

const VENDOR: &[u8; 12] = b"LatticeSimVM";
/// x87, PSE, TSC, PAE, CMPXCHG8B, PGE, CMOV, FXSR, SSE and SSE2: what x86-64 always has.
const BASELINE: u32 = 1 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 13 | 1 << 15 | 7 << 24;

/// SSE3, SSSE3 and SSE4.1, which sims are compiled for beside that.
const SSE_4_1: u32 = 1 | 1 << 9 | 1 << 19;

/// Up to 8 bytes, the lowest first.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
