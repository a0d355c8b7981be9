use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Expected: `hashlib.sha256(text.encode()).hexdigest()` in Python, of the canonical text in the third column.
#[test]
fn a_hash_is_the_sha_256_of_canonical_json() {
    let cases = [
        (
            json!({"c": {"y": 1e300, "x": true}, "a": [1, 2.5, "ü\n"], "b": null}),
            "acfc21842b3f813d285b370c89cf5c0cf8ebf65de68e7f907f5445afa68d63fc",
            r#"{"a":[1,2.5,"ü\n"],"b":null,"c":{"x":true,"y":1e+300}}"#,
        ),
        (json!({}), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "{}"),
        (Value::Null, "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b", "null"),
    ];
    for (value, expected, text) in cases {
        let mut canonical = String::new();
        write_canonical(&value, &mut canonical);
        assert_eq!(canonical, text);
        assert_eq!(ContentHash::of(&value).to_string(), expected);
    }
}

#[test]
fn key_order_is_no_difference_and_everything_else_is() {
    let hash = |text: &str| ContentHash::of(&serde_json::from_str(text).unwrap());
    assert_eq!(hash(r#"{"a":1,"b":{"c":2,"d":3}}"#), hash(r#"{"b":{"d":3,"c":2},"a":1}"#));
    for other in
        [r#"{"a":1.0}"#, r#"{"a":"1"}"#, r#"{"a":[1]}"#, r#"{"A":1}"#, r#"{"a":1,"b":null}"#, r#"{"a":2}"#]
    {
        assert_ne!(hash(r#"{"a":1}"#), hash(other), "{other}");
    }
    assert_ne!(hash("[1,2]"), hash("[2,1]"));
    assert_ne!(hash(r#"["a","b"]"#), hash(r#"["a,b"]"#));
}

#[test]
fn a_hash_survives_text_and_json() {
    let hash = ContentHash::of(&json!([1]));
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(serde_json::from_str::<ContentHash>(&serde_json::to_string(&hash).unwrap()).unwrap(), hash);
    for text in ["", "12", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"ä".repeat(32)] {
        assert_eq!(text.parse::<ContentHash>(), Err(NotAHash));
    }
}

#[test]
fn depth_is_counted_without_recursion() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert!(is_shallow(&nested(10), 10));
    assert!(!is_shallow(&nested(11), 10));
}

proptest! {
    #[test]
    fn a_float_that_was_written_is_read_back_and_hashes_the_same(float in any::<f64>()) {
        let value = json!({ "x": float });
        let read: Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(ContentHash::of(&read), ContentHash::of(&value));
    }
}
