//! What the fuzz targets share.

pub mod bodies;
pub mod pieces;
pub mod second;
