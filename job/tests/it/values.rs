//! Values of dimensions: each held once, as long as somebody holds it.

use std::rc::Rc;
use streamgauge::user::{Value, Values};
use streamgauge_ingest::batch::{BatchBuilder, Dimension};
use streamgauge_ingest::decode::Decoder;

/// Resolves a page as a batch of its own speaks of it.
fn resolve(values: &mut Values, decoder: &mut Decoder, page: usize) -> Rc<Value> {
    let event = format!(
        r#"{{"timestamp":1,"eventType":"PAGE_VIEW","userId":"u","pageViewData":{{"url":"/{page}"}}}}"#
    );
    let mut batch = BatchBuilder::default();
    batch.push(&decoder.decode(event.as_bytes()).unwrap());
    let (rows, texts) = batch.finish();
    let value = texts.values[rows[0].values[Dimension::Page as usize] as usize];
    values.resolve(&texts, &value)
}

#[test]
fn values_are_forgotten_when_nobody_holds_them() {
    let (mut values, mut decoder) = (Values::default(), Decoder::new(1 << 20));
    let mut kept = Vec::new();
    let mut most = 0;
    for page in 0..40_000 {
        let value = resolve(&mut values, &mut decoder, page);
        assert_eq!(*value.name.text, *format!("/{page}"));
        if page % 100 == 0 {
            kept.push(value);
        }
        most = most.max(values.held());
    }
    // Those that are kept, and as many more as are let be before a sweep.
    assert!((4_000..4_600).contains(&most), "{most}");
    for (page, value) in (0..40_000).step_by(100).zip(&kept) {
        assert!(Rc::ptr_eq(&resolve(&mut values, &mut decoder, page), value), "{page}");
    }
    values.forget_unused();
    assert_eq!(values.held(), kept.len());
    kept.clear();
    values.forget_unused();
    assert_eq!(values.held(), 0);
}

#[test]
fn a_table_that_is_full_of_what_is_held_grows() {
    let (mut values, mut decoder) = (Values::default(), Decoder::new(1 << 20));
    let kept: Vec<_> = (0..10_000).map(|page| resolve(&mut values, &mut decoder, page)).collect();
    assert_eq!(values.held(), kept.len());
}
