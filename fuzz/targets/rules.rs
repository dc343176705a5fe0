#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pgmedic_fuzz::rules::run(data));
