package main

var pages = []page{pipeline, cloud}

var pipeline = page{
	file:  "pipeline",
	title: "Change data capture: the pipeline",
	about: "From the WAL to the sinks, hop by hop. The alerts of rules/alerts.yml are on the same figures.",
	rows: []row{
		{"Source", []panel{
			{"Slot lag", "WAL that the connector has not confirmed", "bytes", []query{{"cdc:slot_lag_bytes", "{{slot_name}}"}}},
			{"Retained WAL", "WAL that Postgres keeps for a slot", "bytes", []query{{"cdc:slot_retained_bytes", "{{slot_name}}"}}},
			{"Slot has a reader", "1: a connector reads it", "short", []query{{"pg_slot_active", "{{slot_name}}"}}},
		}},
		{"Connector", []panel{
			{"Behind the database", "Between a commit and its event", "s", []query{{"cdc:source_lag_seconds", "{{server}}"}}},
			{"Tasks", "By state", "short", []query{{"sum by (connector, state) (connect_connector_tasks)", "{{connector}} {{state}}"}}},
			{"Events", "Read from the WAL, a second", "cps", []query{{"sum by (server) (rate(debezium_streaming_totalnumberofeventsseen[1m]))", "{{server}}"}}},
			{"Snapshot", "1: it is being read", "short", []query{{"max by (server) (debezium_snapshot_snapshotrunning)", "{{server}}"}}},
			{"Left out", "Erroneous events, skipped records, dead letters", "short", []query{
				{"sum by (server) (debezium_streaming_numberoferroneousevents)", "{{server}} erroneous"},
				{"sum by (connector) (connect_task_total_records_skipped_total)", "{{connector}} skipped"},
				{"sum by (connector) (connect_task_deadletterqueue_produce_requests_total)", "{{connector}} dead letters"},
			}},
			{"Waiting to be written", "Records that the topic has not acknowledged", "short", []query{{"sum by (connector) (connect_task_source_record_active_count)", "{{connector}}"}}},
		}},
		{"Topics", []panel{
			{"Records in", "A second, by topic", "cps", []query{{"sum by (topic) (rate(kafka_topic_messages_total[1m]))", "{{topic}}"}}},
			{"Hanging transactions", "Partitions whose readers of committed records wait", "short", []query{{"kafka_partitions_with_late_transactions", "partitions"}}},
			{"Under-replicated", "Partitions", "short", []query{{"kafka_under_replicated_partitions", "partitions"}}},
		}},
		{"Flink", []panel{
			{"Backlog", "Records before each source", "short", []query{{"flink:pending_records", "{{job_name}} {{operator_name}}"}}},
			{"Watermark behind the clock", "Windows fire that much later", "s", []query{{"flink:watermark_lag_seconds", "{{job_name}}"}}},
			{"Late rows dropped", "They are in no window", "short", []query{{"sum by (job_name, operator_name) (flink_taskmanager_job_task_operator_numLateRecordsDropped)", "{{job_name}} {{operator_name}}"}}},
			{"Checkpoints", "Completed in five minutes", "short", []query{{"flink:checkpoints:increase5m", "{{job_name}}"}}},
			{"Checkpoint duration", "Of the last one", "ms", []query{{"max by (job_name) (flink_jobmanager_job_lastCheckpointDuration)", "{{job_name}}"}}},
			{"Restarts", "Since the job began", "short", []query{{"max by (job_name) (flink_jobmanager_job_numRestarts)", "{{job_name}}"}}},
		}},
		{"Scoring", []panel{
			{"Answers", "A second, by status", "cps", []query{{"sum by (code) (rate(score_requests_total[1m]))", "{{code}}"}}},
			{"Errors", "Part of the answers", "percentunit", []query{{"score:errors:ratio5m", "errors"}}},
			{"Latency", "Half, and 99 in 100 of the answers", "s", []query{
				{"histogram_quantile(0.5, sum by (le) (rate(score_request_seconds_bucket[5m])))", "half"},
				{"score:latency_seconds:p99_5m", "99 in 100"},
			}},
		}},
		{"Verdicts", []panel{
			{"Trials", "By verdict, of the last run", "short", []query{{"sum by (verdict) (changeproof_trial_verdict)", "{{verdict}}"}}},
			{"Findings", "By anomaly, of the last run", "short", []query{{"sum by (anomaly) (changeproof_trial_findings)", "{{anomaly}}"}}},
			{"Age", "Since the last run", "s", []query{{"time() - max(changeproof_run_timestamp_seconds)", "age"}}},
		}},
	},
}

var cloud = page{
	file:  "confluent",
	title: "Change data capture: Confluent Cloud",
	about: "What the Metrics API exports of the same pipeline. Values are a minute apart, and some minutes old.",
	rows: []row{
		{"Connectors and topics", []panel{
			{"Consumer lag", "By group and topic", "short", []query{{"sum by (consumer_group_id, topic) (confluent_kafka_server_consumer_lag_offsets)", "{{consumer_group_id}} {{topic}}"}}},
			{"Records from connectors", "In the last minute", "short", []query{{"sum by (connector_id) (confluent_kafka_connect_received_records)", "{{connector_id}}"}}},
			{"Dead letters", "In the last minute", "short", []query{{"sum by (connector_id) (confluent_kafka_connect_dead_letter_queue_records)", "{{connector_id}}"}}},
		}},
		{"Statements", []panel{
			{"Backlog", "Records before each table's reader", "short", []query{{"confluent:pending_records", "{{flink_statement_name}} {{table_name}}"}}},
			{"Watermark behind the clock", "Windows fire that much later", "s", []query{{"confluent:watermark_lag_seconds", "{{flink_statement_name}}"}}},
			{"Compute pool", "CFUs in use, and the limit", "short", []query{
				{"confluent_flink_compute_pool_utilization_current_cfus", "{{compute_pool_id}}"},
				{"confluent_flink_compute_pool_utilization_cfu_limit", "{{compute_pool_id}} limit"},
			}},
		}},
	},
}
