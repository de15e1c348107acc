"""Unit tests of the bench's arithmetic: python3 bench/test_statistics.py"""
import random
import unittest

from bench_statistics import (
    Interval, alternating, differences, median, median_interval, order_statistic_coverage, percent_added, quantile,
    verdict,
)


class QuantileTest(unittest.TestCase):
    def test_median_of_odd_and_even_counts(self) -> None:
        self.assertEqual(median([9, 1, 5]), 5)
        self.assertEqual(median([4, 1, 3, 2]), 2.5)

    def test_interpolates_between_neighbours(self) -> None:
        self.assertEqual(quantile([10, 20], 0.25), 12.5)
        self.assertEqual(quantile([7], 0.05), 7)
        self.assertEqual(quantile([3, 1, 2], 1.0), 3)

    def test_no_values_is_an_error(self) -> None:
        self.assertRaises(ValueError, quantile, [], 0.5)
        self.assertRaises(ValueError, median_interval, [])


class MedianIntervalTest(unittest.TestCase):
    def test_coverage_equals_tabulated_values(self) -> None:
        # Sign-test tables: n=6 ranks 1,6; n=10 ranks 2,9; n=20 ranks 6,15.
        self.assertAlmostEqual(order_statistic_coverage(6, 1), 0.96875)
        self.assertAlmostEqual(order_statistic_coverage(10, 2), 0.978515625)
        self.assertAlmostEqual(order_statistic_coverage(20, 6), 0.9586105, places=7)

    def test_takes_the_narrowest_ranks_with_the_confidence(self) -> None:
        self.assertEqual(median_interval(range(1, 11)), Interval(2, 9, order_statistic_coverage(10, 2)))
        found = median_interval(range(1, 21))
        self.assertEqual((found.low, found.high), (6, 15))

    def test_few_values_give_their_range_and_say_so(self) -> None:
        self.assertEqual(median_interval([3.0, 1.0]), Interval(1.0, 3.0, 0.5))
        self.assertEqual(median_interval([4.0]), Interval(4.0, 4.0, 0.0))

    def test_covers_the_true_median_as_often_as_promised(self) -> None:
        source = random.Random(20)
        trials = 2000
        hits = 0
        for _ in range(trials):
            found = median_interval([source.expovariate(1.0) for _ in range(12)])
            hits += found.low <= 0.6931471805599453 <= found.high  # ln 2
        self.assertGreater(hits / trials, 0.95)
        self.assertLess(hits / trials, 0.98)


class PairingTest(unittest.TestCase):
    def test_order_is_mirrored_every_other_round(self) -> None:
        self.assertEqual(alternating("ABC", 0) + alternating("ABC", 1), list("ABCCBA"))

    def test_differences_and_percent_are_of_each_pair(self) -> None:
        self.assertEqual(differences([10, 20], [11, 18]), [1, -2])
        added = percent_added([10, 20], [11, 18])
        self.assertAlmostEqual(added[0], 10)
        self.assertAlmostEqual(added[1], -10)

    def test_pairs_must_be_complete(self) -> None:
        self.assertRaises(ValueError, differences, [1], [1, 2])
        self.assertRaises(ValueError, percent_added, [1, 2], [1])


class VerdictTest(unittest.TestCase):
    def test_only_an_interval_on_one_side_decides(self) -> None:
        self.assertEqual(verdict(Interval(1, 8, 0.95), 8), "met")
        self.assertEqual(verdict(Interval(8.1, 9, 0.95), 8), "missed")
        self.assertEqual(verdict(Interval(7, 9, 0.95), 8), "open")

    def test_too_few_rounds_decide_nothing(self) -> None:
        self.assertEqual(verdict(Interval(1, 2, 0.875), 8), "open")
        self.assertEqual(verdict(Interval(9, 10, 0.875), 8), "open")


if __name__ == "__main__":
    unittest.main()
