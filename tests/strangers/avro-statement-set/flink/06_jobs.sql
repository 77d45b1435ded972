EXECUTE STATEMENT SET
BEGIN
  INSERT INTO driver_income
  SELECT d.driver_id, d.name, SUM(done.fare) FROM driver d JOIN done ON done.driver_id = d.driver_id GROUP BY d.driver_id, d.name;
  INSERT INTO rides_by_state
  SELECT state, COUNT(*) FROM ride GROUP BY state;
END;
