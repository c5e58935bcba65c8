import { describe, expect, it } from 'vitest'
import { checkedDefinition, checkTaskFunction } from '../../src/tasks/definition.ts'
import { BackgroundTask, type TaskContext, type TaskDefinition } from '../../src/index.ts'
import { End, type ResponseEnd } from '../../src/response/outcome.ts'
import { isFor } from '../../src/tasks/when.ts'
import { misuse } from '../support/misuse.ts'

const context: TaskContext = {
  outcome: 'closed',
  reason: undefined,
  response: undefined,
  signal: new AbortController().signal,
}

function sendEmail(): void {}

describe('checkTaskFunction()', () => {
  it.each([function* () {}, async function* () {}])('refuses %s, which would not run', (fn) => {
    expect(misuse(() => checkTaskFunction(fn))).toBe(
      'Cannot add the task: it is a generator function, which does not run when called, pass an async one',
    )
  })

  it('accepts any other function', () => {
    for (const fn of [() => {}, async () => {}, BackgroundTask]) checkTaskFunction(fn)
  })
})

describe('checkedDefinition()', () => {
  it('takes the name of run, unless the definition has one', () => {
    expect(checkedDefinition({ run: sendEmail }, []).name).toBe('sendEmail')
    expect(checkedDefinition({ name: 'email', run: sendEmail }, []).name).toBe('email')
  })

  it('copies: what becomes of the object after that changes no task', () => {
    const definition: TaskDefinition = { run: () => 'first', timeout: 5, when: ['closed'] }
    const copy = checkedDefinition(definition, [])
    Object.assign(definition, { run: () => 'second', timeout: 10, when: [] })
    expect([copy.run(context), copy.timeout, copy.when]).toEqual(['first', 5, ['closed']])
  })

  it('runs as the method of the instance that it is', () => {
    class SendEmail {
      readonly #address = 'ada@example.com'
      // No option, and none of our business.
      readonly retries = 3
      run(): string {
        return this.#address
      }
    }
    const copy = checkedDefinition(new SendEmail(), [])
    expect(copy.run(context)).toBe('ada@example.com')
    expect(copy.name).toBe('run')
  })

  it('asks its when as a method too', () => {
    class SendEmail {
      readonly #outcome = 'closed'
      run(): void {}
      when({ outcome }: ResponseEnd): boolean {
        return outcome === this.#outcome
      }
    }
    const { when } = checkedDefinition(new SendEmail(), [])
    expect(isFor(new End('closed'), when)).toBe(true)
  })

  it.each<[unknown, readonly unknown[], string]>([
    [Promise.resolve(), [], 'it is a promise, so its function runs already'],
    [{}, [], 'it is an object without a function run'],
    [undefined, [], 'it is undefined without a function run'],
    [{ run: () => {}, name: 5 }, [], 'its name is a number'],
    [{ run: () => {} }, ['argument'], 'a definition takes no arguments'],
    [{ run: () => {}, whem: [] }, [], 'there is no option whem'],
    [{ run: function* () {} }, [], 'it is a generator function'],
    [{ run: () => {}, when: ['open'] }, [], 'when is not a list of outcomes'],
  ])('refuses %o', (task, args, message) => {
    expect(misuse(() => checkedDefinition(task, args))).toContain(`Cannot add the task: ${message}`)
  })

  it('refuses a run that is found on every object: a polluted prototype', () => {
    Reflect.set(Object.prototype, 'run', () => {})
    try {
      expect(misuse(() => checkedDefinition({}, []))).toContain('without a function run')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'run')
    }
  })
})
