#!/bin/sh
envsubst < job.sql.tpl > job.sql
