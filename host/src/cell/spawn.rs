//! Makes a cell's process: by `clone`, so that its namespaces stand before it runs, and it is known
//! by a descriptor from the start. All are made by one thread, as the kernel ends a cell with the
//! thread that made it.
#![expect(unsafe_code, reason = "between clone and execve a process has its parent's memory")]

use std::{
    ffi::{CStr, CString, c_void},
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    path::Path,
    ptr,
    sync::{
        atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use rustix::process::{WaitId, WaitIdOptions, getegid, geteuid, waitid};
use thiserror::Error;

use crate::worker::yield_to_others;

/// A process, and the descriptor by which it is killed and waited for.
pub(super) struct Child {
    pub(super) pid: u32,
    pub(super) pidfd: OwnedFd,
}

/// What a new process is to be.
pub(super) struct Order {
    /// Flags of `clone(2)`: none, or of the two namespaces that a process has to be made in.
    pub(super) namespaces: u32,
    pub(super) ring: OwnedFd,
    pub(super) image: OwnedFd,
    /// The `cgroup.procs` of the cgroup to go into.
    pub(super) cgroup: Option<OwnedFd>,
}

/// A step on the way to the process that failed.
#[derive(Debug, Error)]
#[error("{step}: {source}")]
pub(crate) struct SpawnError {
    step: String,
    source: io::Error,
}

impl SpawnError {
    /// Whether it may be for the namespaces that were asked for.
    pub(super) fn forbids_namespaces(&self) -> bool {
        let refusals = [libc::EPERM, libc::EACCES, libc::EINVAL, libc::ENOSPC, libc::EUSERS];
        [CLONE, MAPS].contains(&self.step.as_str())
            && self.source.raw_os_error().is_some_and(|error| refusals.contains(&error))
    }
}

/// What to make, and to whom to hand it.
type Job = (Order, Sender<Result<Child, SpawnError>>);

fn failed(step: &str) -> impl FnOnce(io::Error) -> SpawnError {
    move |source| SpawnError { step: step.to_owned(), source }
}

/// The thread that makes processes. Theirs end with it.
pub(super) struct Spawner {
    orders: Option<Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Spawner {
    pub(super) fn start(program: &Path) -> io::Result<Self> {
        let maker = Maker::new(program)?;
        let (orders, received) = channel();
        let run = move || maker.run(&received);
        let thread = thread::Builder::new().name("cells".into()).spawn(run)?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    pub(super) fn spawn(&self, order: Order) -> Result<Child, SpawnError> {
        let (answer, answered) = channel();
        let gone = || failed("the thread")(io::Error::other("it has ended"));
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send((order, answer)).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The child's stack until it is another program, in bytes.
const STACK: usize = 64 * 1024;

struct Maker {
    program: CString,
    null: File,
    uid_map: String,
    gid_map: String,
    stack: Vec<u128>,
}

impl Maker {
    fn new(program: &Path) -> io::Result<Self> {
        let program = CString::new(program.as_os_str().as_encoded_bytes())?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let uid_map = format!("0 {} 1", geteuid().as_raw());
        let gid_map = format!("0 {} 1", getegid().as_raw());
        Ok(Self { program, null, uid_map, gid_map, stack: vec![0; STACK / size_of::<u128>()] })
    }

    fn run(mut self, orders: &Receiver<Job>) {
        block_signals();
        // What a sim computes yields to all that the host does: a process inherits this.
        yield_to_others();
        for (order, answer) in orders {
            let _ = answer.send(self.make(&order));
        }
    }

    fn make(&mut self, order: &Order) -> Result<Child, SpawnError> {
        let high = |fd: BorrowedFd<'_>| above_inherited(fd).map_err(failed("descriptors"));
        let (null, ring) = (high(self.null.as_fd())?, high(order.ring.as_fd())?);
        let image = high(order.image.as_fd())?;
        let cgroup = order.cgroup.as_ref().map(|fd| high(fd.as_fd())).transpose()?;
        let plan = Plan {
            program: &self.program,
            namespaces: order.namespaces,
            null: null.as_raw_fd(),
            ring: ring.as_raw_fd(),
            image: image.as_raw_fd(),
            cgroup: cgroup.as_ref().map(AsRawFd::as_raw_fd),
            uid_map: self.uid_map.as_bytes(),
            gid_map: self.gid_map.as_bytes(),
            step: AtomicUsize::new(0),
            errno: AtomicI32::new(0),
        };
        let child = clone(&plan, &mut self.stack).map_err(failed(CLONE))?;
        let errno = plan.errno.load(Relaxed);
        if errno == 0 {
            return Ok(child);
        }
        // It has ended already, and is nobody else's to wait for.
        let _ = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED);
        let step = match STEPS.get(plan.step.load(Relaxed)) {
            Some(step) => (*step).to_owned(),
            None => self.program.to_string_lossy().into_owned(),
        };
        Err(SpawnError { step, source: io::Error::from_raw_os_error(errno) })
    }
}

/// A copy of the descriptor that is in the way of none that the child puts in place.
fn above_inherited(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, lattice_cell::IMAGE_FD + 1)?)
}

/// A child has its parent's handlers until it is another program, so none may run in it: it is
/// made by a thread in which none does.
fn block_signals() {
    // SAFETY: the calls write the set and read it.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut());
    }
}

/// Comes back once the child is another program, or has ended.
fn clone(plan: &Plan<'_>, stack: &mut [u128]) -> io::Result<Child> {
    let mut pidfd = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let flags = flags | plan.namespaces as i32;
    let top = stack.as_mut_ptr_range().end.cast::<c_void>();
    let argument = ptr::from_ref(plan).cast_mut().cast::<c_void>();
    // SAFETY: the stack and the plan outlive the child's use of them, as this thread sleeps
    // meanwhile; the kernel writes the descriptor that is then this process's alone.
    unsafe {
        let pid = libc::clone(child, top, flags, argument, &raw mut pidfd);
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Child { pid: pid as u32, pidfd: OwnedFd::from_raw_fd(pidfd) })
    }
}

/// What the child does, prepared so that it allocates nothing.
struct Plan<'a> {
    program: &'a CStr,
    namespaces: u32,
    null: i32,
    ring: i32,
    image: i32,
    cgroup: Option<i32>,
    uid_map: &'a [u8],
    gid_map: &'a [u8],
    /// Written by the child, in the memory that it shares: where it failed, and why (0: it did not).
    step: AtomicUsize,
    errno: AtomicI32,
}

const CLONE: &str = "clone";
const MAPS: &str = "the user namespace's maps";
/// The child's steps but the last, which is the program.
const STEPS: [&str; 3] = ["cgroup.procs", MAPS, "descriptors"];

/// The child, in its parent's memory: only calls that are safe in a signal handler.
extern "C" fn child(plan: *mut c_void) -> i32 {
    // SAFETY: the parent hands its plan over and sleeps.
    let plan = unsafe { &*plan.cast::<Plan<'_>>() };
    let steps = [Plan::enter_cgroup, Plan::map_user, Plan::place_descriptors, Plan::execute];
    for (place, step) in steps.into_iter().enumerate() {
        plan.step.store(place, Relaxed);
        if step(plan).is_none() {
            // SAFETY: the parent's, whose thread sleeps.
            plan.errno.store(unsafe { *libc::__errno_location() }, Relaxed);
            break;
        }
    }
    127
}

/// The steps. Each is `None` if a call failed, with the reason in `errno`.
impl Plan<'_> {
    fn enter_cgroup(&self) -> Option<()> {
        self.cgroup.map_or(Some(()), |fd| write(fd, b"0"))
    }

    /// Makes this user the root of the new user namespace, who keeps rights in it over `execve`.
    fn map_user(&self) -> Option<()> {
        if self.namespaces & libc::CLONE_NEWUSER as u32 == 0 {
            return Some(());
        }
        write_file(c"/proc/self/setgroups", b"deny")?;
        write_file(c"/proc/self/uid_map", self.uid_map)?;
        write_file(c"/proc/self/gid_map", self.gid_map)
    }

    fn place_descriptors(&self) -> Option<()> {
        let places = [
            (self.null, 0),
            (self.null, 1),
            (self.null, 2),
            (self.ring, lattice_cell::RING_FD),
            (self.image, lattice_cell::IMAGE_FD),
        ];
        for (from, to) in places {
            // SAFETY: numbers; the child's table is its own.
            done(unsafe { libc::dup2(from, to) })?;
        }
        // SAFETY: as above.
        done(unsafe { libc::close_range(lattice_cell::IMAGE_FD as u32 + 1, u32::MAX, 0) })
    }

    fn execute(&self) -> Option<()> {
        let arguments = [self.program.as_ptr(), ptr::null()];
        // Restartable sequences would tell a sim how often, and on which processor, it was
        // interrupted; the C library is the one that registers them.
        let environment = [c"GLIBC_TUNABLES=glibc.pthread.rseq=0".as_ptr(), ptr::null()];
        // SAFETY: both lists end with a null.
        done(unsafe {
            libc::execve(self.program.as_ptr(), arguments.as_ptr(), environment.as_ptr())
        })
    }
}

fn done(answer: i32) -> Option<()> {
    (answer >= 0).then_some(())
}

fn write_file(path: &CStr, bytes: &[u8]) -> Option<()> {
    // SAFETY: a path that ends with a null; the descriptor goes with the execve at last.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    done(fd)?;
    write(fd, bytes)
}

fn write(fd: i32, bytes: &[u8]) -> Option<()> {
    // SAFETY: the bytes are there.
    let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    done(written as i32)
}
