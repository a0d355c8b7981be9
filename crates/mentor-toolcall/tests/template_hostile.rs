//! Templates that mean harm: each ends with an error or a text, in bounded time, memory and stack.

#![cfg(feature = "template")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mentor_toolcall::template::{ChatTemplate, Conversation, Limits, TemplateErrorKind};
use proptest::prelude::*;
use serde_json::json;

fn conversation() -> Conversation {
    let messages = json!([
        {"role": "system", "content": "Be <brief>."},
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "4", "tool_calls": [{"function": {"name": "f", "arguments": {"x": [1]}}}]},
    ]);
    Conversation::new(&messages).unwrap()
}

fn outcome(source: &str) -> Result<String, TemplateErrorKind> {
    let limits = Limits { fuel: 1_000_000, output: 1 << 20, source: 64 << 10 };
    let template = ChatTemplate::with_limits(source, limits).map_err(|error| error.kind)?;
    let conversation = conversation();
    let rendered = template.render(&conversation).map_err(|error| error.kind)?;
    assert!(rendered.text.len() <= limits.output);
    template.assistant_spans(&conversation, &rendered);
    Ok(rendered.text)
}

const GROW: &str = "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}\
                    {% set ns.y = [ns.y, ns.y] %}{% endfor %}";

#[test]
fn hostile_templates_reach_a_limit() {
    let grown = |more: &str| format!("{GROW}{more}");
    let small = |more: &str| grown(more).replace("60", "16");
    for source in [
        // time
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
        "{% macro f() %}{% for i in range(1000) %}{{ f() }}{% endfor %}{% endmacro %}{{ f() }}".to_owned(),
        "{% for x in messages recursive %}{{ loop(messages) }}{% endfor %}".to_owned(),
        small("{% for i in range(99999) %}{{ ns.x == ns.y }}{% endfor %}"),
        small("{% for i in range(99999) %}{{ [ns.x] in [[ns.y]] }}{% endfor %}"),
        small("{% for i in range(99999) %}{{ [[ns.x], [ns.y]] | unique | length }}{% endfor %}"),
        small("{% for i in range(99999) %}{% set z = ns.x < ns.y %}{% endfor %}"),
        small("{% for i in range(99999) %}{% set z = ns.x | tojson %}{% endfor %}"),
        small("{% for i in range(99999) %}{% set z = '' ~ ns.x %}{% endfor %}"),
        // memory
        grown(""),
        "{{ 'a' * 99999999999 }}".to_owned(),
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x.replace('a', 'ab' * 99) %}{% endfor %}".to_owned(),
        "{% for i in range(99999) %}{{ 'x' * 100 }}{% endfor %}".to_owned(),
        "{{ 'x'.ljust(99999999999) }}".to_owned(),
        "{{ '%99999999999d' | format(1) }}".to_owned(),
        "{{ '{:99999999999}'.format(1) }}".to_owned(),
        "{{ [1] | tojson(indent='x' * 9999999) }}".to_owned(),
        "{% macro f(x, n) %}{% if n %}{{ f(x + x, n - 1) }}{% else %}{{ '' ~ x }}{% endif %}{% endmacro %}{{ f([1], 40) }}".to_owned(),
        format!("{}{{{{ '' ~ x }}}}", "{% set x = [1] %}".to_owned() + &"{% set x = x + x %}".repeat(60)),
        format!("{}{{{{ '' ~ x }}}}{}", "{% set x = [1] %}".to_owned() + &"{% with x = [x, x] %}".repeat(60), "{% endwith %}".repeat(60)),
        format!("{}{{{{ '' ~ x }}}}{}", "{% set x = [1] %}".to_owned() + &"{% for x in [[x, x]] %}".repeat(60), "{% endfor %}".repeat(60)),
        // stack
        "{% set ns = namespace(x=[]) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=1) %}{% for i in range(90000) %}{% set ns.x = ns.x, %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=1) %}{% for i in range(90000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=1) %}{% for i in range(90000) %}{% set ns.x = dict(a=ns.x) %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for i in range(90000) %}{% set ns.x = ns.x | batch(1) | list %}{% endfor %}".to_owned(),
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ '' ~ ns }}".to_owned(),
        "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ '' ~ ns }}".to_owned(),
        "{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ '' ~ a }}".to_owned(),
        format!("{{% set x = {}1{} %}}", "[".repeat(9999), "]".repeat(9999)),
        format!("{{{{ {}1{} }}}}", "(".repeat(9999), ")".repeat(9999)),
        format!("{{{{ {}1 }}}}", "not ".repeat(9999)),
        format!("{{{{ 1{} }}}}", "|abs".repeat(15000)),
        format!("{{{{ 1{} }}}}", " ~ 1".repeat(15000)),
        format!("{{{{ x{} }}}}", ".x".repeat(30000)),
        format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(5000)),
        format!("{{{{ 1{} }}}}", "**1".repeat(15000)),
        format!("{{{{ 1{} }}}}", "<1".repeat(15000)),
        "{% if 1 %}".repeat(6000),
        "{% for a in b %}".repeat(4000),
        "{% set x %}".repeat(5000),
        // source
        " ".repeat(65 << 10),
    ] {
        let outcome = outcome(&source);
        assert!(outcome.is_err(), "{source:.120}: {outcome:?}");
    }
}

/// Pieces that make templates when strung together, most of them broken.
fn piece() -> impl Strategy<Value = String> {
    const TAGS: &[&str] = &[
        "{% for m in messages %}",
        "{% for a, b in x.items() %}",
        "{% endfor %}",
        "{% if x is defined and x == y %}",
        "{% elif m.role in ['user'] %}",
        "{% else %}",
        "{% endif %}",
        "{% set x = [x, messages] %}",
        "{% endset %}",
        "{% set ns = namespace(x=messages) %}",
        "{% set ns.x = ns.x + [ns] %}",
        "{% macro f(a, b=[x]) %}",
        "{% endmacro %}",
        "{%- generation -%}",
        "{% endgeneration %}",
        "{% call f(x) %}",
        "{% endcall %}",
        "{% break %}",
        "{% raw %}",
        "{% endraw %}",
        "{# ",
        " #}",
        "{{ m.content | trim }}",
        "{{ messages | tojson(indent=2) }}",
        "{{ f(x, *messages) }}",
        "{{ x[1:-1:2] ~ ns.x }}",
        "{{ 'a'.split('').join(x) % m }}",
        "{{ raise_exception(x) }}",
        "{{ x | sort | unique | groupby('a') }}",
        "{{ strftime_now('%Q') }}",
        "{{",
        "}}",
        "{%",
        "%}",
        "{{-",
        "-%}",
        "'",
        "\\",
        "é🙂",
        "[",
        "(",
        "{",
        "}",
        ")",
        "]",
        " x ",
        " = ",
        " in ",
        " is ",
        " not ",
        " | ",
        ",",
        ".",
        "1e9",
        "\n",
    ];
    prop_oneof![
        9 => prop::sample::select(TAGS).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn any_source_ends(pieces in prop::collection::vec(piece(), 0..24)) {
        let _ = outcome(&pieces.concat());
    }

    #[test]
    fn any_expression_ends(pieces in prop::collection::vec(piece(), 0..8)) {
        let _ = outcome(&format!("{{% for m in messages %}}{{{{ {} }}}}{{% endfor %}}", pieces.concat()));
    }

    #[test]
    fn any_text_is_printed_as_it_is(text: String) {
        let messages = json!([{"role": "user", "content": text}]);
        let template = ChatTemplate::new("{% for m in messages %}<{{ m.content }}>{% endfor %}").unwrap();
        let rendered = template.render(&Conversation::new(&messages).unwrap()).unwrap();
        prop_assert_eq!(rendered.text, format!("<{text}>"));
    }

    #[test]
    fn tojson_of_any_text_is_its_json(text: String) {
        let messages = json!([{"role": "user", "content": text}]);
        let template = ChatTemplate::new("{{ messages[0].content | tojson }}").unwrap();
        let rendered = template.render(&Conversation::new(&messages).unwrap()).unwrap();
        prop_assert_eq!(serde_json::from_str::<String>(&rendered.text).unwrap(), text);
    }
}
