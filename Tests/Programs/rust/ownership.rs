use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

#[derive(Debug, Clone, PartialEq)]
enum Tree<T: Ord> {
    Leaf,
    Node(Box<Tree<T>>, T, Box<Tree<T>>),
}

impl<T: Ord + Copy> Tree<T> {
    fn insert(self, value: T) -> Self {
        match self {
            Tree::Leaf => Tree::Node(Box::new(Tree::Leaf), value, Box::new(Tree::Leaf)),
            Tree::Node(left, v, right) if value < v => Tree::Node(Box::new(left.insert(value)), v, right),
            Tree::Node(left, v, right) => Tree::Node(left, v, Box::new(right.insert(value))),
        }
    }
    fn walk(&self, out: &mut Vec<T>) {
        if let Tree::Node(left, v, right) = self {
            left.walk(out);
            out.push(*v);
            right.walk(out);
        }
    }
}

struct Meters(f64);
impl fmt::Display for Meters {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, "{:.1} m", self.0) }
}

fn main() {
    let mut sorted = Vec::new();
    [5, 2, 9, 1].iter().fold(Tree::Leaf, |tree, &n| tree.insert(n)).walk(&mut sorted);
    println!("{sorted:?} {}", Meters(2.345));
    let shared = Rc::new(String::from("sand"));
    let copies: Vec<_> = (0..3).map(|_| Rc::clone(&shared)).collect();
    println!("{} {}", Rc::strong_count(&shared), copies.len());
    let mut counts = BTreeMap::new();
    for c in "mississippi".chars() { *counts.entry(c).or_insert(0) += 1; }
    println!("{counts:?}");
}
