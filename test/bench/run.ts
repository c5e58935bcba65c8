// Measures every row of docs/performance.md and writes them there: see README.md beside this file.
import { measureRequests } from './http/requests.ts'
import { hosts } from './http/start.ts'
import { measureStreams, streamHosts } from './http/streams.ts'
import { measureAway } from './in-process/away.ts'
import { measureLists } from './in-process/lists.ts'
import { measureRequest } from './in-process/request.ts'
import { measureWaiting } from './in-process/waiting.ts'
import { type Options, readOptions } from './options.ts'
import { judge } from './report/budgets.ts'
import { writePage } from './report/page.ts'
import * as tables from './report/tables.ts'
import { type BenchName, readResults, type Results, thisMachine, writeResults } from './results.ts'

const options = readOptions(process.argv.slice(2))
// A server in a process of its own listens to the end of this one, and there are many.
process.setMaxListeners(0)
const started = performance.now()
const results: Results = { ...readResults(), machine: thisMachine() }
for (const bench of options.benches) await benches()[bench](options)
if (options.isWritten) await writePage(results)
const verdict = tables.budgets(judge(results))
console.log(`\n${verdict}\n\nIn ${((performance.now() - started) / 60_000).toFixed(1)} minutes.`)

/** Each prints what it has measured as soon as it has it. */
function benches(): Record<BenchName, (options: Options) => Promise<unknown>> {
  return {
    async request({ rounds }) {
      results.request = await measureRequest(rounds)
      print('A request on a fake host', tables.request(results))
    },
    async requests({ hosts: wanted, rounds }) {
      for (const host of wanted) {
        const rows = await measureRequests(host, rounds)
        results.requests = [...results.requests.filter((row) => row.host !== host), ...rows]
        print(`Requests per second: ${hosts[host].title}`, tables.requestsOf(host, results))
      }
    },
    async streams({ hosts: wanted, rounds }) {
      for (const host of streamHosts.filter((name) => wanted.includes(name))) {
        // One of them takes as long as a turn of all other rows.
        const rows = await measureStreams(host, Math.ceil(rounds / 2))
        results.streams = [...results.streams.filter((row) => row.host !== host), ...rows]
        print(`Streams: ${hosts[host].title}`, tables.streamsOf(host, results))
      }
    },
    async lists({ rounds }) {
      results.lists = await measureLists(rounds)
      print('Tasks of one list', tables.lists(results))
    },
    async waiting() {
      results.waiting = await measureWaiting(100_000)
      print('Waiting responses', tables.waiting(results))
    },
    async away({ rounds }) {
      results.away = await measureAway(rounds)
      print('Jobs and threads', tables.away(results))
    },
  }
}

function print(title: string, table: string): void {
  console.log(`\n${title}\n\n${table}`)
  // At once: what comes after it may fail, and all of it takes long.
  if (options.isWritten) writeResults(results)
}
