-- One transaction, one round trip: an order, and one less of the stock where some is left.
\set buyer random(1, 9000000000000000000)
WITH taken AS (UPDATE stock SET remaining = remaining - 1 WHERE lot = 1 AND remaining > 0 RETURNING lot)
INSERT INTO orders (lot, buyer) SELECT lot, :buyer FROM taken;
