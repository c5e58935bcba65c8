-- Prints what is measured as JSON, in microseconds where wrk itself rounds.
function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    'measured {"requests":%d,"duration":%d,"p99":%d,"failed":%d,"cut":%d}',
    summary.requests, summary.duration, latency:percentile(99),
    errors.connect + errors.write + errors.status + errors.timeout, errors.read
  ))
end
