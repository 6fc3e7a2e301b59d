-- One transaction in one round trip: takes one item of the stock if some is left, and inserts an order.
\set buyer random(1, 9000000000000000000)
WITH taken AS (UPDATE stock SET remaining = remaining - 1 WHERE lot = 1 AND remaining > 0 RETURNING lot)
INSERT INTO orders (lot, buyer) SELECT lot, :buyer FROM taken;
