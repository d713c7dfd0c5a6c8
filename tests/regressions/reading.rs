//! The bytes of events.

use vfsnotify::inotify::decode;

/// The decoder took a field without a terminating zero, one that was padded to any length, and one
/// with more bytes after the name's end, which it dropped.
#[test]
fn the_decoder_takes_only_what_a_read_writes() {
    let event = |field: &[u8]| {
        let mut bytes = Vec::new();
        bytes.extend(1i32.to_ne_bytes());
        for word in [0x100, 0, field.len() as u32] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(field);
        bytes
    };
    let field = |name: &[u8], len: usize| {
        let mut field = name.to_vec();
        field.resize(len, 0);
        event(&field)
    };
    assert!(decode(&event(b"")).is_some());
    assert!(decode(&field(b"a", 16)).is_some());
    assert!(decode(&field(&[b'n'; 255], 256)).is_some());
    assert_eq!(decode(&field(b"a", 1)), None, "no zero");
    assert_eq!(decode(&field(b"a", 2)), None, "no multiple of 16");
    assert_eq!(decode(&field(b"a", 32)), None, "more padding than is written");
    assert_eq!(decode(&event(&[b'n'; 16])), None, "no zero in a whole field");
    assert_eq!(decode(&field(b"", 16)), None, "a field without a name");
    assert_eq!(decode(&field(b"a\0b", 16)), None, "something after the name");
    assert_eq!(decode(&field(&[b'n'; 256], 272)), None, "a name that is too long");
}
