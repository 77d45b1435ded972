CREATE TEMPORARY VIEW done AS SELECT driver_id, fare FROM ride WHERE state = 'done';
