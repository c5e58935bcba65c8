import { describe, expect, it } from 'vitest'
import { type DurableJobOptions, isDurableData, planJob } from '../../src/queue/durable-job.ts'

const uuid = expect.stringMatching(/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/)

describe('planJob()', () => {
  it('gives the job a random id, another one each time', () => {
    const planned = planJob('emails.send', ['ada@example.com'], { attempts: 3 })
    expect(planned).toEqual({
      data: { args: ['ada@example.com'] },
      options: { attempts: 3, jobId: uuid },
      jobId: uuid,
    })
    expect(planned.options.jobId).toBe(planned.jobId)
    expect(planJob('emails.send', [], {}).jobId).not.toBe(planned.jobId)
  })

  it.each([
    ['a jobId', { jobId: 'welcome-7' }, 'welcome-7'],
    ['deduplication', { deduplication: { id: 'digest' } }, uuid],
  ])('stores a stand-in for a job with %s', (_, given, jobId) => {
    const { data, options, ...planned } = planJob('emails.send', [1], { ...given, attempts: 1 })
    expect(data).toEqual({ args: [1], standsFor: { ...given, attempts: 1, jobId } })
    expect(planned.jobId).toBe(data.standsFor?.jobId)
    expect(options).toEqual({
      jobId: uuid,
      attempts: 10,
      backoff: { type: 'exponential', delay: 1000 },
      removeOnComplete: true,
      removeOnFail: false,
    })
    expect(options.jobId).not.toBe(planned.jobId)
  })

  it('copies the arguments, without those left out at the end', () => {
    const order: { total: unknown } = { total: 1 }
    const { data } = planJob('emails.send', [order, undefined], { jobId: 'order' })
    order.total = 2n
    expect(data.args).toEqual([{ total: 1 }])
    expect(planJob('emails.send', [undefined], {}).data.args).toEqual([])
  })

  it('names the argument that cannot be stored, and not what it holds', () => {
    const given = [['a', { url: new URL('http://secret.example') }]]
    for (const args of [given, [...given, 1n]]) {
      expect(() => planJob('emails.send', args, {})).toThrow(
        new TypeError(
          'Cannot add emails.send: argument 1 holds an instance of URL, which JSON does not keep, pass plain data',
        ),
      )
    }
    expect(() => planJob('emails.send', [undefined, 'a'], {})).toThrow(
      new TypeError(
        'Cannot add emails.send: argument 1 holds undefined, which JSON does not keep, pass plain data',
      ),
    )
  })

  it('refuses arguments that are no array', () => {
    expect(() => planJob('emails.send', 'a', {})).toThrow(
      new TypeError('Cannot add emails.send: args is a string, pass an array'),
    )
  })

  it.each(['7', '-5', 'NaN', 'welcome:7'])('refuses the jobId %s, as BullMQ would', (jobId) => {
    expect(() => planJob('emails.send', [], { jobId })).toThrow(
      new TypeError(
        'Cannot add emails.send: its jobId is a number or has a colon, use letters or -',
      ),
    )
  })

  it.each([
    ['its jobId is empty, pass a text', { jobId: '' }],
    ['its jobId is null, pass a text', { jobId: null }],
    ['its deduplication.id is empty, pass a text', { deduplication: { id: '' } }],
    ['its deduplication.id is undefined, pass a text', { deduplication: {} }],
    ['its deduplication.id is a number, pass a text', { deduplication: { id: 5 } }],
    [
      'the jitter of its backoff is out of range, use 0 to 1',
      { backoff: { type: 'fixed', jitter: 2 } },
    ],
  ])('refuses a job of which %s', (wrong, options) => {
    expect(() => planJob('emails.send', [], options as DurableJobOptions)).toThrow(
      new TypeError(`Cannot add emails.send: ${wrong}`),
    )
  })

  it('refuses ids that PostgreSQL cannot store', () => {
    expect(() => planJob('emails.send', [], { jobId: 'a\0' })).toThrow(
      new TypeError(
        'Cannot add emails.send: its jobId holds the character U+0000, which cannot be stored, take it out',
      ),
    )
    expect(() => planJob('emails.send', [], { deduplication: { id: 'a\ud800' } })).toThrow(
      new TypeError(
        'Cannot add emails.send: its deduplication.id holds half a surrogate pair, which cannot be stored, repair it',
      ),
    )
  })
})

describe('isDurableData()', () => {
  it('knows what planJob has made', () => {
    expect(isDurableData(planJob('emails.send', [1], {}).data)).toBe(true)
    expect(isDurableData(planJob('emails.send', [1], { jobId: 'a' }).data)).toBe(true)
  })

  it.each([undefined, null, 'text', [], {}, { args: 'text' }, { args: { length: 1 } }])(
    'knows that it has not made %j',
    (data) => {
      expect(isDurableData(data)).toBe(false)
    },
  )
})
