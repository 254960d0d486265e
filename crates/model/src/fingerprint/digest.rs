//! A value's serialised form, hashed while it is made.

use std::fmt::{self, Display};
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::{FixedState, FoldHasher};
use serde::ser::{self, Serialize};

/// Takes whatever is serialised into it. Each value is preceded by what it is, and each text and
/// list by its length, so that different values never look the same.
pub(super) struct Digest {
    hashers: [FoldHasher<'static>; 2],
    pending: Vec<u8>,
}

/// Bytes that are hashed together.
const PIECE: usize = 4096;

/// What begins a value.
#[derive(Clone, Copy)]
enum Tag {
    None,
    Some,
    Unit,
    False,
    True,
    Integer,
    Float,
    Text,
    Bytes,
    Variant,
    List,
    Map,
    End,
}

impl Default for Digest {
    fn default() -> Self {
        let hasher = |seed| FixedState::with_seed(seed).build_hasher();
        let pending = Vec::with_capacity(PIECE);
        Self { hashers: [hasher(0x7472_6970), hasher(0x796c_6f6e)], pending }
    }
}

impl Digest {
    /// The digest of all that was taken.
    pub(super) fn finish(mut self) -> u128 {
        self.hash_pending();
        let [first, second] = self.hashers;
        u128::from(first.finish()) << 64 | u128::from(second.finish())
    }

    fn tag(&mut self, tag: Tag) {
        self.push(&[tag as u8]);
    }

    fn length(&mut self, length: usize) {
        self.push(&(length as u64).to_le_bytes());
    }

    /// Pieces end where `PIECE` is full, whatever the values are: the same values give the same
    /// pieces.
    fn push(&mut self, mut bytes: &[u8]) {
        while self.pending.len() + bytes.len() >= PIECE {
            let (fits, rest) = bytes.split_at(PIECE - self.pending.len());
            self.pending.extend_from_slice(fits);
            self.hash_pending();
            bytes = rest;
        }
        self.pending.extend_from_slice(bytes);
    }

    fn hash_pending(&mut self) {
        for hasher in &mut self.hashers {
            hasher.write(&self.pending);
        }
        self.pending.clear();
    }

    fn integer(&mut self, value: i128) {
        self.tag(Tag::Integer);
        self.push(&value.to_le_bytes());
    }

    fn variant(&mut self, index: u32) {
        self.tag(Tag::Variant);
        self.push(&index.to_le_bytes());
    }
}

/// What a `Serialize` of its own may say; nothing fails here.
#[derive(Debug)]
pub(super) struct Refused(String);

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Done = Result<(), Refused>;

macro_rules! integers {
    ($($method:ident: $type:ty),+ $(,)?) => {$(
        fn $method(self, value: $type) -> Done {
            self.integer(i128::from(value));
            Ok(())
        }
    )+};
}

impl ser::Serializer for &mut Digest {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    integers! {
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
    }

    fn serialize_i128(self, value: i128) -> Done {
        self.integer(value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Done {
        self.tag(Tag::Bytes);
        self.push(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Done {
        self.tag(if value { Tag::True } else { Tag::False });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Done {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Done {
        self.tag(Tag::Float);
        self.push(&value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Done {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Done {
        self.tag(Tag::Text);
        self.length(value.len());
        self.push(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.tag(Tag::Bytes);
        self.length(value.len());
        self.push(value);
        Ok(())
    }

    fn serialize_none(self) -> Done {
        self.tag(Tag::None);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.tag(Tag::Some);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.tag(Tag::Unit);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Done {
        self.variant(index);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        self.variant(index);
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Refused> {
        self.tag(Tag::List);
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Refused> {
        self.tag(Tag::List);
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Refused> {
        self.tag(Tag::List);
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Refused> {
        self.variant(index);
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Refused> {
        self.tag(Tag::Map);
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Refused> {
        self.tag(Tag::Map);
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Refused> {
        self.variant(index);
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Values in a row, up to an end: their number says nothing that the end does not.
macro_rules! lists {
    ($($trait:ident::$method:ident),+ $(,)?) => {$(
        impl ser::$trait for &mut Digest {
            type Ok = ();
            type Error = Refused;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                value.serialize(&mut **self)
            }

            fn end(self) -> Done {
                self.tag(Tag::End);
                Ok(())
            }
        }
    )+};
}

lists! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

/// Fields of one type always come in the same order; one that is left out leaves its mark.
macro_rules! records {
    ($($trait:ident),+ $(,)?) => {$(
        impl ser::$trait for &mut Digest {
            type Ok = ();
            type Error = Refused;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Done {
                value.serialize(&mut **self)
            }

            fn skip_field(&mut self, _: &'static str) -> Done {
                self.tag(Tag::End);
                Ok(())
            }

            fn end(self) -> Done {
                self.tag(Tag::End);
                Ok(())
            }
        }
    )+};
}

records!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for &mut Digest {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    fn end(self) -> Done {
        self.tag(Tag::End);
        Ok(())
    }
}
