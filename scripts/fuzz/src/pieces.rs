//! Bytes that arrive in pieces, cut where the fuzzer says.

/// Most cuts that an input can ask for.
const MAX_CUTS: usize = 15;

/// An input: what is sent, and where it is cut on its way.
pub struct Delivery<'d> {
    pub bytes: &'d [u8],
    sizes: &'d [u8],
}

impl<'d> Delivery<'d> {
    /// Takes the cuts from the end of `data`, so that the bytes stay where a dictionary
    /// finds them: the last byte counts the sizes ahead of it.
    pub fn of(data: &'d [u8]) -> Delivery<'d> {
        let Some((count, rest)) = data.split_last() else {
            return Delivery { bytes: data, sizes: &[] };
        };
        let count = usize::from(*count).min(MAX_CUTS).min(rest.len());
        let (bytes, sizes) = rest.split_at(rest.len() - count);
        Delivery { bytes, sizes }
    }

    pub fn whole(&self) -> impl Iterator<Item = &'d [u8]> {
        std::iter::once(self.bytes)
    }

    /// The pieces, none of them empty. The sizes come around again until all is sent.
    pub fn cut(&self) -> impl Iterator<Item = &'d [u8]> {
        let mut rest = self.bytes;
        let mut sizes = self.sizes.iter().cycle();
        std::iter::from_fn(move || {
            let size = sizes.next().map_or(1, |size| usize::from(*size).max(1));
            let (piece, left) = rest.split_at(size.min(rest.len()));
            rest = left;
            (!piece.is_empty()).then_some(piece)
        })
    }
}
