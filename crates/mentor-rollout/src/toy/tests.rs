use mentor_toolcall::{Chat, Piece};
use proptest::prelude::*;

use super::ByteCodec;
use crate::Codec;

#[test]
fn special_tokens_are_special_in_markup_only() {
    let codec = ByteCodec::new();
    let markup = codec.encode(&[Piece::Markup("a<|im_end|>".to_owned())]);
    assert_eq!(markup.len(), 2);
    assert!(codec.stop_ids().contains(&markup[1]));
    let text = codec.encode(&[Piece::Text("a<|im_end|>".to_owned())]);
    assert_eq!(text.len(), "a<|im_end|>".len());
    assert_eq!(codec.decode(&markup), codec.decode(&text));
    assert!(Chat::special_tokens().len() + 256 == codec.vocab_size());
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(text in ".*") {
        let codec = ByteCodec::new();
        prop_assert_eq!(codec.decode(&codec.encode(&[Piece::Text(text.clone())])), text);
    }

    #[test]
    fn any_ids_have_a_text(ids in prop::collection::vec(prop_oneof![0_u32..300, any::<u32>()], 0..50)) {
        let _ = ByteCodec::new().decode(&ids);
    }
}
