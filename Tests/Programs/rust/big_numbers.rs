fn main() {
    let product: u128 = (1..=34).product();
    println!("{product} {}", u128::MAX);
    println!("{:?} {:?} {}", 250u8.checked_add(10), 250u8.wrapping_add(10), i32::MAX.saturating_add(1));
    // Digits of 2^500 by schoolbook doubling.
    let mut digits = vec![1u8];
    for _ in 0..500 {
        let mut carry = 0;
        for digit in digits.iter_mut() {
            let doubled = *digit * 2 + carry;
            *digit = doubled % 10;
            carry = doubled / 10;
        }
        if carry > 0 { digits.push(carry); }
    }
    println!("{}", digits.iter().rev().map(|d| d.to_string()).collect::<String>());
}
