import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { BackgroundTask, BackgroundTaskError, BackgroundTasks } from '../src/index.ts'
import { watchReports } from './support/reports.ts'

watchReports()

const secret = 'correct horse battery staple'

function send(_password: string): void {}

describe('What console.log() shows', () => {
  it('of a list: its tasks', () => {
    expect(inspect(new BackgroundTasks())).toBe('BackgroundTasks { tasks: [] }')
    const tasks = new BackgroundTasks()
    tasks.addTask(send, secret)
    expect(inspect(tasks)).toBe(
      "BackgroundTasks { tasks: [ BackgroundTask { name: 'send', status: 'pending' } ] }",
    )
  })

  it('of a task: its name, and where it stands', async () => {
    const task = new BackgroundTask(send, secret)
    expect(inspect(task)).toBe("BackgroundTask { name: 'send', status: 'pending' }")
    await task.run()
    expect(inspect(task)).toBe("BackgroundTask { name: 'send', status: 'fulfilled' }")
  })

  it('of a list in a list', () => {
    const tasks = new BackgroundTasks([new BackgroundTasks()])
    expect(inspect(tasks)).toBe('BackgroundTasks { tasks: [ BackgroundTasks { tasks: [] } ] }')
  })

  it('of what stands in something else', () => {
    expect(inspect({ task: new BackgroundTask(send, secret) })).toBe(
      "{ task: BackgroundTask { name: 'send', status: 'pending' } }",
    )
  })

  it('of a subclass: its name', () => {
    class Mails extends BackgroundTasks {}
    class Mail extends BackgroundTask<[string]> {}
    expect(inspect(new Mails())).toBe('Mails { tasks: [] }')
    expect(inspect(new Mail(send, secret))).toBe("Mail { name: 'send', status: 'pending' }")
  })

  it.each([{}, { showHidden: true }, { depth: Infinity }, { getters: true }, { depth: 0 }])(
    'is no argument and nothing internal, with %o',
    (options) => {
      const tasks = new BackgroundTasks([], { concurrency: 2, timeout: 4321 })
      tasks.addTask(send, secret)
      tasks.defer(send.bind(undefined, secret))
      void tasks.wrap(new Response('body'), { completed: Promise.resolve() })
      const shown = inspect(tasks, options)
      expect(shown).toMatch(/^BackgroundTasks /)
      expect(shown).not.toContain(secret)
      expect(shown).not.toMatch(/Symbol|'~|#|Exchange|Map|4321/)
    },
  )

  it('is no argument as JSON either', () => {
    const task = new BackgroundTask(send, secret)
    expect(JSON.stringify([task, new BackgroundTasks([task])])).not.toContain(secret)
  })
})

/** All keys of an object and of its classes. */
function keysOf(value: object): PropertyKey[] {
  const keys: PropertyKey[] = []
  for (
    let object: object | null = value;
    object !== null && object !== Object.prototype;
    object = Reflect.getPrototypeOf(object)
  ) {
    keys.push(...Reflect.ownKeys(object))
  }
  return [...new Set(keys)]
}

const running = new BackgroundTasks()
void running.wrap(new Response('body'), { completed: Promise.resolve() })

describe('The members of a public class', () => {
  it.each<[string, object, string[]]>([
    [
      'a task',
      new BackgroundTask(send, secret),
      ['args', 'cancel', 'constructor', 'finished', 'func', 'name', 'run', 'status', 'wrap'],
    ],
    [
      'a list',
      new BackgroundTasks(),
      ['addTask', 'constructor', 'defer', 'finished', 'run', 'tasks', 'wrap'],
    ],
    [
      'a list on its way',
      running,
      ['addTask', 'constructor', 'defer', 'finished', 'run', 'tasks', 'wrap'],
    ],
  ])('are those that are documented: %s', (_, value, names) => {
    const strings = keysOf(value).filter((key) => typeof key === 'string')
    expect(strings.toSorted()).toEqual(names)
  })

  it.each<[string, object]>([
    ['a task', new BackgroundTask(send, secret)],
    ['a list', new BackgroundTasks()],
    ['a list on its way', running],
  ])('and one symbol that all copies of the package agree on: %s', (_, value) => {
    const symbols = keysOf(value).filter((key) => typeof key === 'symbol' && key !== inspect.custom)
    expect(symbols).toHaveLength(1)
    for (const symbol of symbols) {
      expect(typeof symbol === 'symbol' && Symbol.keyFor(symbol)).toMatch(/^background-tasks/)
    }
  })

  it('cannot be written by mistake', () => {
    const task = new BackgroundTask(send, secret)
    const tasks = new BackgroundTasks()
    for (const [value, keys] of [
      [task, ['args', 'finished', 'func', 'status']],
      [tasks, ['finished', 'tasks']],
    ] as const) {
      for (const key of keys) expect(Reflect.set(value, key, undefined)).toBe(false)
    }
  })

  it('are those of an Error, and its own three: BackgroundTaskError', () => {
    const error = new BackgroundTaskError('send', new Error('bug'), ['next'])
    expect(Object.keys(error).toSorted()).toEqual(['cause', 'name', 'skipped', 'task'])
    expect(keysOf(error).filter((key) => typeof key === 'symbol')).toEqual([])
  })
})
