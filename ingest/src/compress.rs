//! Compressing small blocks often: contexts are kept per thread, because making one
//! costs more than a small block does.

use std::cell::RefCell;
use std::io;
use zstd::bulk::{Compressor, Decompressor};

/// Effort: events and results repeat themselves so much that more gains little.
const LEVEL: i32 = 1;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A block, compressed.
///
/// # Errors
/// If there is no memory for it.
pub fn compress(plain: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(compressor) => compressor.compress(plain),
        None => kept.insert(Compressor::new(LEVEL)?).compress(plain),
    })
}

/// A block of at most `most_bytes`, uncompressed.
///
/// # Errors
/// If it is no compressed block, or a larger one.
pub fn decompress(compressed: &[u8], most_bytes: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(decompressor) => decompressor.decompress(compressed, most_bytes),
        None => kept.insert(Decompressor::new()?).decompress(compressed, most_bytes),
    })
}
