INSERT INTO high_rates SELECT id, rate FROM rates WHERE rate > 10;
