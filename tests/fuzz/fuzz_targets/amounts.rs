#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mirakl_stripe::fuzzing::amounts(data));
