// Time to add and run the tasks of one list: `node test/bench/tasks.ts`. A list of 100,000 tasks takes
// turns with ten lists of 10,000, so that both make as much garbage in a turn; the median over the
// turns of ten times their ratio is printed: how much longer ten times the tasks take.
import { BackgroundTasks } from 'background-tasks'

const few = 10_000
const turns = Number(process.env['TURNS'] ?? 15)
const kinds: Record<string, () => unknown> = {
  sync: () => {},
  async: async () => {},
}

for (const [kind, task] of Object.entries(kinds)) {
  const measured: { many: number; ratio: number }[] = []
  for (let turn = -2; turn < turns; turn += 1) {
    let ofFew = 0
    for (let list = 0; list < 10; list += 1) ofFew += await run(task, few)
    const many = await run(task, 10 * few)
    // The first ones are not yet compiled.
    if (turn >= 0) measured.push({ many, ratio: (10 * many) / ofFew })
  }
  const many = median(measured.map((turn) => turn.many))
  const ratio = median(measured.map((turn) => turn.ratio))
  console.log(
    `${kind}: ${10 * few} tasks in ${many.toFixed(0)} ms, ${ratio.toFixed(1)} times as long as ${few}`,
  )
}

async function run(task: () => unknown, count: number): Promise<number> {
  const start = performance.now()
  const tasks = new BackgroundTasks()
  for (let index = 0; index < count; index += 1) tasks.addTask(task)
  const response = tasks.wrap(new Response('answered'))
  await response.text()
  const { length } = await tasks.finished
  if (length !== count) throw new Error(`${length} of ${count} tasks have ended`)
  return performance.now() - start
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN
}
