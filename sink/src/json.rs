//! Writing JSON as the contract has it: fields in the order given, text escaped
//! only where JSON demands, no blanks.

/// Appends `text` as a JSON string.
///
/// Control characters take the short form (`\n`) where there is one, else
/// `\u00xx` in lower-case digits.
pub fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (i, &b) in bytes.iter().enumerate() {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..i]);
        from = i + 1;
        escape(out, b);
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, b: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match b {
        b'"' | b'\\' => b,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(b >> 4)]);
            out.push(HEX[usize::from(b & 15)]);
            return;
        }
    };
    out.push(b'\\');
    out.push(short);
}

/// Writes the fields of one JSON object.
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    /// Opens an object.
    pub fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Goes on with an object that has fields already and is not closed.
    pub fn resume(out: &'a mut Vec<u8>) -> Self {
        Self { out, first: false }
    }

    /// Begins a field and gives the place of its value. `name` is written as it is.
    pub fn field(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A field with a text.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        text(self.field(name), value);
        self
    }

    /// A field with an integer.
    pub fn integer(&mut self, name: &str, value: impl itoa::Integer) -> &mut Self {
        integer(self.field(name), value);
        self
    }

    /// A field with `true` or `false`.
    pub fn boolean(&mut self, name: &str, value: bool) -> &mut Self {
        self.field(name).extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    /// A field with an array, each element written by `write`.
    pub fn array<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Vec<u8>, T),
    ) -> &mut Self {
        let out = self.field(name);
        out.push(b'[');
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            write(out, item);
        }
        out.push(b']');
        self
    }

    /// Closes the object.
    pub fn close(self) {
        self.out.push(b'}');
    }
}

/// Appends an integer.
pub fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let mut out = Vec::new();
        text(&mut out, value);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(serde_json::from_str::<String>(expected).unwrap(), value);
    }

    #[test]
    fn texts_are_escaped_only_where_json_demands() {
        check("", r#""""#);
        check("a/b é \u{7f}\u{2028}", "\"a/b é \u{7f}\u{2028}\"");
        check("\"\\\n\t\r\u{8}\u{c}\u{0}\u{1f}", r#""\"\\\n\t\r\b\f\u0000\u001f""#);
    }

    #[test]
    fn objects_keep_the_order_of_their_fields() {
        let mut out = Vec::new();
        let mut o = Object::open(&mut out);
        o.text("b", "x").integer("a", -5).boolean("c", true).array("d", [1, 2], integer);
        o.close();
        assert_eq!(out, br#"{"b":"x","a":-5,"c":true,"d":[1,2]}"#);
    }
}
