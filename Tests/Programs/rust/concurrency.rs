use std::sync::{mpsc, Arc, Mutex};
use std::thread;

fn main() {
    let total = Arc::new(Mutex::new(0u64));
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..4u64)
        .map(|id| {
            let (total, sender) = (Arc::clone(&total), sender.clone());
            thread::spawn(move || {
                for n in (id..1000).step_by(4) { *total.lock().unwrap() += n; }
                sender.send(id).unwrap();
            })
        })
        .collect();
    drop(sender);
    let mut ids: Vec<_> = receiver.iter().collect();
    ids.sort_unstable();
    for thread in threads { thread.join().unwrap(); }
    println!("{ids:?} {}", total.lock().unwrap());
}
