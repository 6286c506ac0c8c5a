import unittest

from shop.basket import Basket, line_price, total
from shop.catalogue import cheaper_than, find, search
from shop.till import receipt, tax_of


class CatalogueTest(unittest.TestCase):
    def test_products_are_found_by_code_and_by_words(self):
        self.assertEqual(find("soap").cents, 275)
        self.assertEqual([product.code for product in search("rye")], ["bread"])
        self.assertEqual([product.code for product in cheaper_than(300)], ["apple", "soap"])

    def test_an_unknown_code_is_an_error(self):
        with self.assertRaises(KeyError):
            find("caviar")


class BasketTest(unittest.TestCase):
    def setUp(self):
        self.basket = Basket()

    def test_the_total_adds_up(self):
        self.basket.add("apple", 3)
        self.basket.add("bread")
        self.assertEqual(total(self.basket), 3 * 45 + 390)

    def test_ten_of_a_kind_are_cheaper(self):
        self.assertEqual(line_price(find("apple"), 10), 428)

    def test_what_is_taken_out_is_gone(self):
        self.basket.add("soap", 2)
        self.basket.remove("soap", 2)
        self.assertEqual(self.basket.lines(), [])
        with self.assertRaises(ValueError):
            self.basket.remove("soap")


class TillTest(unittest.TestCase):
    def test_a_receipt_shows_lines_total_and_tax(self):
        basket = Basket()
        basket.add("apple", 2)
        basket.add("candle")
        self.assertEqual(tax_of(basket), 6 + 99)
        self.assertEqual(
            receipt(basket).splitlines(),
            [
                "2 x Apple                   0.90",
                "1 x Beeswax candle          6.20",
                "--------------------------------",
                "Total                       7.10",
                "of which tax                1.05",
            ],
        )


if __name__ == "__main__":
    unittest.main()
