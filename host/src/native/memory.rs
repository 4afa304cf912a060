//! A native sim's memory between two calls, copied out and put back in pages of 64 KiB by their
//! places in the image. Only what the sim may write is ever copied or written: code, constants and
//! the gate are the module's and the process's, whatever a snapshot says.

use std::{io, ops::Range, sync::Arc};

use super::{image, layout::Layout};
use crate::{
    image::Image,
    snapshot::{BadSnapshot, MemoryImage, PAGE_BYTES, Page, Snapshot},
};

const PAGE: u64 = PAGE_BYTES as u64;
static ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

/// Copies the pages that are not all zero.
pub(super) fn copy(from: &image::Image, layout: &Layout) -> io::Result<Image> {
    let mut pages = Pages::default();
    for writable in layout.writable() {
        for run in from.filled(writable)? {
            for part in by_page(run) {
                from.read(part.start, pages.part(&part))?;
            }
        }
    }
    Ok(Image { pages: layout.pages(), filled: pages.end(), globals: Vec::new() })
}

/// Makes a fresh sim's memory what the snapshot says.
pub(super) fn put(
    to: &image::Image,
    layout: &Layout,
    snapshot: &Snapshot,
) -> io::Result<Result<(), BadSnapshot>> {
    let MemoryImage { pages, filled } = &snapshot.memory;
    if *pages != layout.pages() || !snapshot.globals.is_empty() {
        let ours = layout.pages();
        let misfit = format!("it has {pages} pages of memory, and this native module has {ours}");
        return Ok(Err(BadSnapshot::Misfit(misfit)));
    }
    for writable in layout.writable() {
        // A page that nobody wrote takes no memory until it is written.
        for part in to.filled(writable.clone())?.into_iter().flat_map(by_page) {
            if !filled.contains_key(&number(&part)) {
                to.write(part.start, &ZEROS[within(&part)])?;
            }
        }
        for part in by_page(writable) {
            if let Some(page) = filled.get(&number(&part)) {
                to.write(part.start, &page.bytes[within(&part)])?;
            }
        }
    }
    Ok(Ok(()))
}

/// A range, cut where pages begin.
fn by_page(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        at = range.end.min((start / PAGE + 1) * PAGE);
        (start < range.end).then_some(start..at)
    })
}

/// The page that a part lies in.
fn number(part: &Range<u64>) -> u32 {
    (part.start / PAGE) as u32
}

/// Where in its page a part lies.
fn within(part: &Range<u64>) -> Range<usize> {
    let start = part.start % PAGE;
    start as usize..(start + part.end - part.start) as usize
}

/// Pages as they are copied, one after the other, part by part.
#[derive(Default)]
struct Pages {
    filled: Vec<(u32, Arc<[u8]>)>,
    /// The page that is being copied; what no part has filled is zero.
    last: Option<(u32, Vec<u8>)>,
}

impl Pages {
    /// Where a part goes; none lies before those of earlier calls.
    fn part(&mut self, part: &Range<u64>) -> &mut [u8] {
        let number = number(part);
        if self.last.as_ref().is_none_or(|(last, _)| *last != number) {
            self.keep();
        }
        let (_, bytes) = self.last.get_or_insert_with(|| (number, vec![0; PAGE_BYTES]));
        &mut bytes[within(part)]
    }

    fn keep(&mut self) {
        let last = self.last.take();
        let page = last.and_then(|(number, bytes)| Some((number, Page::copy(&bytes)?)));
        self.filled.extend(page);
    }

    fn end(mut self) -> Vec<(u32, Arc<[u8]>)> {
        self.keep();
        self.filled
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lattice_policies::Sha256;

    use super::*;
    use crate::native::library::tests::library;

    fn fresh() -> (image::Image, Layout) {
        let library = library();
        (image::Image::new(&library).unwrap(), library.layout().clone())
    }

    fn snapshot(image: Image) -> Snapshot {
        let (memory, globals) = image.into_parts();
        let (module, surface) = (Sha256::of(b""), Vec::new());
        Snapshot { module, tick: 0, ends_at: None, fuel: 0, memory, globals, surface }
    }

    #[test]
    fn what_was_written_comes_back_and_what_was_not_takes_no_memory() {
        let (one, layout) = fresh();
        let places = [4096 + 8, layout.stack.end - 8, layout.arena.start, layout.arena.end - 1];
        for (at, byte) in places.into_iter().zip(1..) {
            one.write(at, &[byte]).unwrap();
        }
        one.write(layout.arena.start + (1 << 20), &[0]).unwrap();
        let copied = copy(&one, &layout).unwrap();
        assert_eq!((copied.filled.len(), copied.pages), (4, layout.pages()));
        let taken = snapshot(copied);

        let (other, _) = fresh();
        other.write(layout.arena.start + 9, &[9]).unwrap();
        other.write(layout.stack.start, &[9]).unwrap();
        put(&other, &layout, &taken).unwrap().unwrap();
        for (at, byte) in places.into_iter().zip(1..) {
            let mut read = [0];
            other.read(at, &mut read).unwrap();
            assert_eq!(read, [byte]);
        }
        assert_eq!(snapshot(copy(&other, &layout).unwrap()).state(), taken.state());
        assert!(one.allocated() < 1 << 20, "{}", one.allocated());
    }

    #[test]
    fn only_what_the_sim_may_write_is_ever_written() {
        let (image, layout) = fresh();
        let page = Page::from(Arc::from(vec![0xee; PAGE_BYTES]));
        let filled: BTreeMap<_, _> = (0..layout.pages()).map(|it| (it, page.clone())).collect();
        let memory = MemoryImage { pages: layout.pages(), filled };
        let hostile = Snapshot { memory, ..snapshot(copy(&image, &layout).unwrap()) };
        put(&image, &layout, &hostile).unwrap().unwrap();
        let library = library();
        let fresh: BTreeMap<_, _> = library.contents().collect();
        let writable: Vec<_> = layout.writable().collect();
        for page in (0..layout.span).step_by(4096) {
            let mut read = [0; 4096];
            image.read(page, &mut read).unwrap();
            let is_writable = writable.iter().any(|range| range.contains(&page));
            let untouched = fresh.get(&page).copied().unwrap_or(&[0; 4096]);
            let expected = if is_writable { &[0xee; 4096] } else { untouched };
            assert!(read == expected, "{page:#x}");
        }
    }

    #[test]
    fn a_snapshot_of_another_size_or_with_globals_does_not_fit() {
        let (image, layout) = fresh();
        let fits = snapshot(copy(&image, &layout).unwrap());
        let globals = Snapshot { globals: vec![0x7f, 0, 0, 0, 0], ..fits.clone() };
        let mut smaller = fits;
        smaller.memory.pages -= 1;
        for snapshot in [globals, smaller] {
            let misfit = put(&image, &layout, &snapshot).unwrap();
            assert!(matches!(misfit, Err(BadSnapshot::Misfit(_))), "{misfit:?}");
        }
    }
}
