//! What a bot must know of the arena's shapes: how far a place is from an obstacle, and whether a
//! line of sight is free.

use crate::protocol::{Obstacle, Place};

const SIGHT_STEP: f32 = 12.0; // units; thinner than any obstacle

/// From the obstacle's surface, in units; negative inside.
pub fn clearance(obstacle: &Obstacle, at: Place) -> f32 {
    let x = ((at.x - obstacle.at.x).abs() - obstacle.half.x).max(0.0);
    let y = ((at.y - obstacle.at.y).abs() - obstacle.half.y).max(0.0);
    x.hypot(y) - obstacle.round
}

/// True if a circle of `radius` units can go straight from one place to the other.
pub fn is_clear(obstacles: &[Obstacle], from: Place, to: Place, radius: f32) -> bool {
    let steps = (from.distance(to) / SIGHT_STEP).ceil().max(1.0);
    (0..=steps as u32).all(|step| {
        let part = step as f32 / steps;
        let at = Place { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
        obstacles.iter().all(|obstacle| clearance(obstacle, at) > radius)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Obstacle =
        Obstacle { at: Place { x: 100.0, y: 100.0 }, half: Place { x: 0.0, y: 50.0 }, round: 10.0 };

    #[test]
    fn a_wall_hides_what_is_behind_it_and_nothing_else() {
        let here = Place { x: 50.0, y: 100.0 };
        let behind = Place { x: 150.0, y: 100.0 };
        let beside = Place { x: 50.0, y: 180.0 };
        assert!(!is_clear(&[WALL], here, behind, 5.0));
        assert!(is_clear(&[WALL], here, beside, 5.0));
        assert!(is_clear(&[], here, behind, 5.0));
    }

    #[test]
    fn clearance_is_measured_from_the_rounded_surface() {
        assert!((clearance(&WALL, Place { x: 130.0, y: 100.0 }) - 20.0).abs() < 1e-4);
        assert!((clearance(&WALL, Place { x: 100.0, y: 170.0 }) - 10.0).abs() < 1e-4);
        assert!(clearance(&WALL, WALL.at) < 0.0);
    }
}
