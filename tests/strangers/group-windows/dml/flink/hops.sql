INSERT INTO hops
SELECT site, window_start, window_end, COUNT(DISTINCT visit_id)
FROM TABLE(HOP(TABLE visits, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTES))
GROUP BY site, window_start, window_end;
