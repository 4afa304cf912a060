//! The ring as a hostile sim writes it: that the host reads no more than there is, and takes no turn
//! for one that is none.

use std::{fs, mem::offset_of, sync::atomic::Ordering::Relaxed, time::Duration};

use lattice_cell::{Control, Turn};
use lattice_surface::Phase;

use super::{
    code::Code,
    image::{Sim, cells, settings},
};
use crate::cell::{CellSettings, Cells, Gone, Ring, Told, image_file};

/// Where the cell has the ring's control page; a sim could find it by trying. Only who may look into
/// the process can tell.
fn control_address(sim: &Sim) -> Option<u64> {
    let maps = fs::read_to_string(format!("/proc/{}/maps", sim.cell.pid())).ok()?;
    let line = maps.lines().find(|line| line.contains("/memfd:lattice-ring"))?;
    u64::from_str_radix(line.split('-').next()?, 16).ok()
}

/// A sim that writes esi to the field and then wakes the host, as the cell itself does; and after
/// that goes on with `behind`, with rdi at the host's word.
fn forging(field: usize, behind: &[u8]) -> Vec<u8> {
    let offset = |at: usize| (at as u32).to_le_bytes();
    Code::default()
        .raw(&[0x89, 0xb7]) // mov [rdi + offset], esi
        .raw(&offset(field))
        .raw(&[0x48, 0x81, 0xc7]) // add rdi, offset
        .raw(&offset(offset_of!(Control, to_host)))
        .raw(&WAKE)
        .raw(behind)
        .done()
}

/// inc dword [rdi]; and a system call with FUTEX_WAKE, 1, null.
const WAKE: [u8; 22] = [
    0xff, 0x07, 0xbe, 1, 0, 0, 0, 0xba, 1, 0, 0, 0, 0x4d, 0x31, 0xd2, 0xb8, 202, 0, 0, 0, 0x0f,
    0x05,
];
/// jmp to itself.
const STAY: [u8; 2] = [0xeb, 0xfe];
/// jmp to the wake-up before.
const AGAIN: [u8; 2] = [0xeb, (-2 - WAKE.len() as i8) as u8];

#[test]
fn a_turn_that_there_is_not_is_told() {
    for number in [0, 7, u64::from(u32::MAX)] {
        let mut sim = Sim::of(&forging(offset_of!(Control, turn), &STAY));
        let Some(address) = control_address(&sim) else { return };
        let end = sim.call(Phase::Tick, 0, [address, number]);
        assert!(matches!(end, Err(Gone::NoTurn)), "{end:?}");
    }
}

#[test]
fn a_cell_that_runs_on_in_the_hosts_turn_is_found_out() {
    // It returns again and again, so that it meets no deadline.
    let mut sim = Sim::of(&forging(offset_of!(Control, turn), &AGAIN));
    let Some(address) = control_address(&sim) else { return };
    let mut end = sim.call(Phase::Tick, 0, [address, Turn::Returned as u64]);
    for _ in 0..1000 {
        if end.is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        end = sim.tick();
    }
    assert!(matches!(end, Err(Gone::OutOfTurn)), "{end:?}");
}

#[test]
fn no_more_is_read_of_an_outlet_than_there_is() {
    let mut sim = Sim::of(&forging(offset_of!(Control, outlet_bytes), &STAY));
    let Some(address) = control_address(&sim) else { return };
    // The turn is the one before, Ready, which whoever asked for a call does not take for an answer.
    assert!(sim.call(Phase::Tick, 0, [address, u64::from(u32::MAX)]).is_ok());
    assert_eq!(sim.outlet().len(), 1024);
}

#[test]
fn a_forged_fault_is_only_what_was_told() {
    let mut sim = Sim::of(&forging(offset_of!(Control, signal), &STAY));
    let Some(address) = control_address(&sim) else { return };
    assert!(sim.call(Phase::Tick, 0, [address, 99]).is_ok());
    sim.cell.ring().control().request.store(77, Relaxed);
    let control = sim.cell.ring().control();
    let told = Told { signal: 99, code: 0, address: 0, instruction: 0 };
    assert_eq!(Told::read(control), Some(told));
}

#[test]
fn neither_file_changes_its_size() {
    let ring = Ring::new(4096, 4096).unwrap();
    let image = image_file(8192).unwrap();
    for (file, len) in [(ring.file(), 3 * 4096), (&image, 8192)] {
        for other in [0, len + 1] {
            assert!(file.set_len(other).is_err());
        }
        assert_eq!(file.metadata().unwrap().len(), len);
    }
    assert!(ring.write_inlet(&[0; 4097]).is_err());
}

#[test]
fn a_cgroup_folder_that_is_none_raises_no_barrier_and_breaks_nothing() {
    let without = cells().probe().unwrap();
    for folder in ["/", "/nowhere", "/sys/fs/cgroup/unified"] {
        let cgroup = Some(folder.into());
        let cells = Cells::start(CellSettings { cgroup, ..settings() }).unwrap();
        assert_eq!(cells.probe().unwrap(), without, "{folder}");
    }
}
