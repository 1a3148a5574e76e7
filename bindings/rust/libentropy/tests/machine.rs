//! The process's settings. One test, since they are those of all threads.

use libentropy::Error;

#[test]
fn settings() {
    assert_eq!(libentropy::version().split('.').count(), 3);

    let logits: Vec<f32> = (0..5000).map(|i| ((i * 37) % 101) as f32 / 8.0).collect();
    let best = libentropy::isa();
    let entropy = libentropy::entropy(&logits, 5000).unwrap();
    libentropy::set_isa(Some("scalar")).unwrap();
    assert_eq!(libentropy::isa(), "scalar");
    assert_eq!(libentropy::entropy(&logits, 5000).unwrap(), entropy);
    for wrong in ["mmx", "", "scalar\0"] {
        assert_eq!(libentropy::set_isa(Some(wrong)), Err(Error::Isa));
    }
    assert_eq!(libentropy::isa(), "scalar");
    libentropy::set_isa(None).unwrap();
    assert!(std::env::var_os("ENTROPY_ISA").is_some() || libentropy::isa() == best);

    let default = libentropy::num_threads();
    assert!(default >= 1);
    for n in [3, 5] {
        libentropy::set_num_threads(n).unwrap();
        assert_eq!(libentropy::num_threads(), n);
    }
    assert_eq!(libentropy::set_num_threads(usize::MAX), Err(Error::Value));
    assert_eq!(libentropy::num_threads(), 5);
    libentropy::set_num_threads(0).unwrap();
    assert_eq!(libentropy::num_threads(), default);
}
