//! RFC 6455 as a server speaks it, without extensions: bytes in, messages and control frames out.
//!
//! Pure: it neither reads nor writes a socket. Frames are unmasked where they lie; only a message
//! that comes in fragments is gathered.

use std::ops::Range;

/// What a frame carries (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of a message.
    Continuation = 0x0,
    /// A message of UTF-8 text, or its first fragment.
    Text = 0x1,
    /// A message of bytes, or its first fragment.
    Binary = 0x2,
    /// The peer goes.
    Close = 0x8,
    /// The peer asks for a sign of life.
    Ping = 0x9,
    /// The peer gives one.
    Pong = 0xa,
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|it| *it as u8 == bits)
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Something whole that the peer sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A message of text; it is UTF-8.
    Text(&'a [u8]),
    /// A message of bytes.
    Binary(&'a [u8]),
    /// To be answered by a pong with the same bytes.
    Ping(&'a [u8]),
    /// An answer to a ping, or unasked: nothing is owed.
    Pong,
    /// To be answered by a close with the same code, if one was given.
    Close(Option<u16>),
    /// A fragment was put aside.
    Fragment,
}

/// Why the connection is failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The peer broke the framing.
    #[error("the peer broke the websocket protocol")]
    Protocol,
    /// A text or a close reason is not UTF-8.
    #[error("the peer sent text that is not UTF-8")]
    Text,
    /// A message is longer than allowed.
    #[error("the peer sent a message that is too long")]
    TooLong,
}

impl Violation {
    /// The close code that says so (RFC 6455, section 7.4.1).
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Text => 1007,
            Self::TooLong => 1009,
        }
    }
}

/// The reading half of one connection; it holds memory only between fragments.
#[derive(Debug)]
pub struct Reader {
    message_bytes_max: usize,
    gathered: Option<Box<Gathered>>,
}

#[derive(Debug)]
struct Gathered {
    opcode: Opcode,
    bytes: Vec<u8>,
}

/// One frame within a buffer.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    last: bool,
    opcode: Opcode,
    mask: [u8; 4],
    payload: Range<usize>,
}

impl Reader {
    /// A reader of messages of at most so many bytes.
    pub fn new(message_bytes_max: usize) -> Self {
        Self { message_bytes_max, gathered: None }
    }

    /// Bounds the messages that come next.
    pub fn set_message_bytes_max(&mut self, message_bytes_max: usize) {
        self.message_bytes_max = message_bytes_max;
    }

    /// Takes one frame from the start of `input` and calls `then` with what it completes. Answers how many
    /// bytes were used; `None`, with nothing used, when the frame is not there in full.
    ///
    /// # Errors
    /// The connection must be failed with the violation's code, and nothing be read after it.
    pub fn take<T>(
        &mut self,
        input: &mut [u8],
        then: impl FnOnce(Received<'_>) -> T,
    ) -> Result<Option<(usize, T)>, Violation> {
        let Some(frame) = self.frame(input)? else { return Ok(None) };
        let used = frame.payload.end;
        let payload = input.get_mut(frame.payload).ok_or(Violation::Protocol)?;
        unmask(payload, frame.mask);
        let payload = &*payload;
        let answer = match (frame.opcode, frame.last) {
            (Opcode::Ping, _) => then(Received::Ping(payload)),
            (Opcode::Pong, _) => then(Received::Pong),
            (Opcode::Close, _) => then(Received::Close(close_code(payload)?)),
            (Opcode::Continuation, last) => {
                let mut gathered = self.gathered.take().ok_or(Violation::Protocol)?;
                // Exactly: each fragment is paced like a request, so copying is cheaper than twice the memory.
                gathered.bytes.reserve_exact(payload.len());
                gathered.bytes.extend_from_slice(payload);
                if last {
                    then(whole(gathered.opcode, &gathered.bytes)?)
                } else {
                    self.gathered = Some(gathered);
                    then(Received::Fragment)
                }
            }
            (opcode, true) => then(whole(opcode, payload)?),
            (opcode, false) => {
                self.gathered = Some(Box::new(Gathered { opcode, bytes: payload.to_vec() }));
                then(Received::Fragment)
            }
        };
        Ok(Some((used, answer)))
    }

    /// Reads a frame's head; all that can be wrong with it is found before its payload is waited for.
    fn frame(&self, input: &[u8]) -> Result<Option<Frame>, Violation> {
        let Some((&[first, second], rest)) = input.split_first_chunk::<2>() else { return Ok(None) };
        let opcode = Opcode::of(first & 0x0f).ok_or(Violation::Protocol)?;
        let last = first & 0x80 != 0;
        let reserved = first & 0x70 != 0;
        let masked = second & 0x80 != 0;
        if reserved || !masked {
            return Err(Violation::Protocol);
        }
        let short = second & 0x7f;
        if opcode.is_control() && (!last || 125 < short) {
            return Err(Violation::Protocol);
        }
        let continues = opcode == Opcode::Continuation;
        if !opcode.is_control() && continues != self.gathered.is_some() {
            return Err(Violation::Protocol);
        }
        let (length, head, rest) = match short {
            126 => match rest.split_first_chunk::<2>() {
                Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), 4, rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((bytes, rest)) => (u64::from_be_bytes(*bytes), 10, rest),
                None => return Ok(None),
            },
            short => (u64::from(short), 2, rest),
        };
        // "The minimal number of bytes MUST be used", and the highest bit of 64 is 0 (section 5.2).
        let padded = (short == 126 && length < 126) || (short == 127 && length <= u64::from(u16::MAX));
        if padded || length >> 63 != 0 {
            return Err(Violation::Protocol);
        }
        let before = self.gathered.as_ref().filter(|_| continues).map_or(0, |it| it.bytes.len());
        let length = usize::try_from(length).map_err(|_| Violation::TooLong)?;
        if !opcode.is_control() && self.message_bytes_max < before.saturating_add(length) {
            return Err(Violation::TooLong);
        }
        let Some((mask, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        if rest.len() < length {
            return Ok(None);
        }
        let start = head + 4;
        Ok(Some(Frame { last, opcode, mask: *mask, payload: start..start + length }))
    }
}

/// Appends the head of an unmasked, unfragmented frame.
pub fn write_head(out: &mut Vec<u8>, opcode: Opcode, length: usize) {
    out.push(0x80 | opcode as u8);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short <= 125 => out.push(short),
        (_, Ok(middle)) => {
            out.push(126);
            out.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// A whole unmasked frame.
pub fn encode(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 10);
    write_head(&mut out, opcode, payload.len());
    out.extend_from_slice(payload);
    out
}

/// A close frame with this code, or with none.
pub fn encode_close(code: Option<u16>) -> Vec<u8> {
    encode(Opcode::Close, code.map(u16::to_be_bytes).as_ref().map_or(&[], |it| it.as_slice()))
}

fn whole(opcode: Opcode, bytes: &[u8]) -> Result<Received<'_>, Violation> {
    match opcode {
        Opcode::Text => match std::str::from_utf8(bytes) {
            Ok(_) => Ok(Received::Text(bytes)),
            Err(_) => Err(Violation::Text),
        },
        _ => Ok(Received::Binary(bytes)),
    }
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::Protocol) };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::Protocol);
    }
    std::str::from_utf8(reason).map_err(|_| Violation::Text)?;
    Ok(Some(code))
}

/// Eight bytes at a time: the compiler makes vectors of it.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Ok(bytes) = <[u8; 8]>::try_from(&*chunk) {
            chunk.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests;
