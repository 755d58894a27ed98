//! A queue whose first element needs no allocation.
//!
//! Nearly every session id has one session, and nearly every session one slice of
//! events: held in place, an event of theirs is two steps through memory closer.

use std::collections::VecDeque;

/// Elements in order.
#[derive(Debug)]
pub enum OneOrMany<T> {
    /// At most one.
    One(Option<T>),
    /// Any number.
    Many(Box<VecDeque<T>>),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::One(None)
    }
}

impl<T> OneOrMany<T> {
    /// A queue of one.
    #[must_use]
    pub fn one(element: T) -> Self {
        Self::One(Some(element))
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::One(one) => usize::from(one.is_some()),
            Self::Many(many) => many.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at a place.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&T> {
        match self {
            Self::One(one) => one.as_ref().filter(|_| i == 0),
            Self::Many(many) => many.get(i),
        }
    }

    /// The element at a place, to be changed.
    pub fn get_mut(&mut self, i: usize) -> Option<&mut T> {
        match self {
            Self::One(one) => one.as_mut().filter(|_| i == 0),
            Self::Many(many) => many.get_mut(i),
        }
    }

    /// The first element.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.get(0)
    }

    /// The last element.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The last element, to be changed.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        let last = self.len().checked_sub(1)?;
        self.get_mut(last)
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let (one, many) = match self {
            Self::One(one) => (one.as_ref(), None),
            Self::Many(many) => (None, Some(many.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// The elements in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let (one, many) = match self {
            Self::One(one) => (one.as_mut(), None),
            Self::Many(many) => (None, Some(many.iter_mut())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Number of elements at the front for which `is_before` holds; it must hold
    /// for no element behind one for which it doesn't.
    pub fn partition_point(&self, is_before: impl FnMut(&T) -> bool) -> usize {
        match self {
            Self::One(one) => usize::from(one.as_ref().is_some_and(is_before)),
            Self::Many(many) => many.partition_point(is_before),
        }
    }

    /// Puts an element before the one at `i`.
    pub fn insert(&mut self, i: usize, element: T) {
        match self {
            Self::One(one) if one.is_none() => *one = Some(element),
            _ => self.many().insert(i, element),
        }
    }

    /// Puts an element behind the last.
    pub fn push(&mut self, element: T) {
        self.insert(self.len(), element);
    }

    /// Takes out the element at a place.
    pub fn remove(&mut self, i: usize) -> Option<T> {
        match self {
            Self::One(one) if i == 0 => one.take(),
            Self::One(_) => None,
            Self::Many(many) => many.remove(i),
        }
    }

    /// Takes the elements from `i` on.
    pub fn split_off(&mut self, i: usize) -> Self {
        match self {
            Self::One(one) => Self::One(if i == 0 { one.take() } else { None }),
            Self::Many(many) => Self::Many(Box::new(many.split_off(i))),
        }
    }

    /// Puts the elements of another queue behind the last.
    pub fn append(&mut self, other: Self) {
        match other {
            Self::One(None) => {}
            Self::One(Some(element)) => self.push(element),
            Self::Many(mut more) => self.many().append(&mut more),
        }
    }

    fn many(&mut self) -> &mut VecDeque<T> {
        if let Self::One(one) = self {
            *self = Self::Many(Box::new(one.take().into_iter().collect()));
        }
        match self {
            Self::Many(many) => many,
            Self::One(_) => unreachable!("it was made many above"),
        }
    }
}

impl<T> std::ops::Index<usize> for OneOrMany<T> {
    type Output = T;

    fn index(&self, i: usize) -> &T {
        self.get(i).expect("a place within the queue")
    }
}

impl<T> std::ops::IndexMut<usize> for OneOrMany<T> {
    fn index_mut(&mut self, i: usize) -> &mut T {
        self.get_mut(i).expect("a place within the queue")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn behaves_like_a_deque(steps in proptest::collection::vec((0u8..5, 0usize..4), 0..30)) {
            let (mut queue, mut deque) = (OneOrMany::default(), VecDeque::new());
            for (n, (step, at)) in steps.into_iter().enumerate() {
                let at = at.min(deque.len());
                match step {
                    0 | 1 => {
                        queue.insert(at, n);
                        deque.insert(at, n);
                    }
                    2 => prop_assert_eq!(queue.remove(at), deque.remove(at)),
                    3 => {
                        let (back, expected) = (queue.split_off(at), deque.split_off(at));
                        prop_assert!(back.iter().eq(expected.iter()));
                        queue.append(back);
                        deque.extend(expected);
                    }
                    _ if deque.iter().is_sorted() => {
                        let before = deque.iter().filter(|x| **x < n / 2).count();
                        prop_assert_eq!(queue.partition_point(|x| *x < n / 2), before);
                    }
                    _ => {}
                }
                prop_assert!(queue.iter().eq(deque.iter()));
                prop_assert_eq!(queue.len(), deque.len());
                prop_assert_eq!(queue.last_mut().copied(), deque.back().copied());
            }
        }
    }
}
