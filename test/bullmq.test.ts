import { describe, expect, it } from 'vitest'
import * as door from '../src/bullmq.ts'
import { durable, type DurableQueue } from '../src/bullmq.ts'
import { exportedNames } from './support/exported-names.ts'

const fail = (): never => expect.fail('The queue was asked')
const queue: DurableQueue = { name: 'emails', add: fail, getJob: fail, remove: fail }
const functions = { send: (_email: string): void => {} }

describe('background-tasks/bullmq', () => {
  it('exports exactly its names', () => {
    expect(exportedNames('bullmq', door)).toEqual({
      values: ['durable'],
      types: [
        'Durable',
        'DurableArgs',
        'DurableContext',
        'DurableDefinition',
        'DurableFunctions',
        'DurableJobOptions',
        'DurableOptions',
        'DurableQueue',
        'DurableTask',
      ],
    })
  })
})

describe('durable()', () => {
  it('refuses what is no queue, no function and no time', () => {
    expect(() => durable(queue, {}, null as never)).toThrow(
      new TypeError('Cannot make tasks durable: the options are null, pass an object'),
    )
    const notAQueue = undefined as unknown as DurableQueue
    expect(() => durable(notAQueue, {})).toThrow(
      new TypeError('Cannot make tasks durable: the queue is undefined, pass a Queue of BullMQ'),
    )
    const notAFunction = { send: Promise.resolve() } as unknown as typeof functions
    expect(() => durable(queue, notAFunction)).toThrow(
      new TypeError('Cannot make send durable: it is a promise, pass a function or { run }'),
    )
    const halfAQueue = { name: 'emails', add: fail } as unknown as DurableQueue
    expect(() => durable(halfAQueue, {})).toThrow(
      new TypeError('Cannot make tasks durable: the queue is an object, pass a Queue of BullMQ'),
    )
    expect(() => durable(queue, { *send() {} })).toThrow(
      new TypeError(
        'Cannot make send durable: it is a generator function, which does not run when called, pass an async one',
      ),
    )
    const delayed = { send: { delay: 5, run() {} } }
    expect(() => durable(queue, delayed)).toThrow(
      new TypeError('Cannot make send durable: a job takes no delay here, use grace'),
    )
    const misspelt = { send: { attemps: 5, run() {} } }
    expect(() => durable(queue, misspelt)).toThrow(
      new TypeError(
        'Cannot make send durable: there is no option attemps, check its spelling or leave it out',
      ),
    )
    const noFunctions = undefined as unknown as typeof functions
    expect(() => durable(queue, noFunctions)).toThrow(
      new TypeError(
        'Cannot make tasks durable: the functions are undefined, pass an object of them',
      ),
    )
    for (const option of ['grace', 'storeTimeout']) {
      for (const value of [0, -1, Number.NaN, '1']) {
        expect(() => durable(queue, functions, { [option]: value })).toThrow(RangeError)
      }
    }
    expect(() => durable(queue, functions, { grace: Infinity })).toThrow(RangeError)
  })
})
