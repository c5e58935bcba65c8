/** A promise and what fulfils it: how a test says "now", in the place of a sleep. */
export interface Gate<Value = void> {
  readonly opened: Promise<Value>
  readonly open: (value: Value) => void
}

export function newGate<Value = void>(): Gate<Value> {
  let fulfil: Gate<Value>['open'] | undefined
  const opened = new Promise<Value>((resolve) => (fulfil = resolve))
  return { opened, open: (value) => fulfil?.(value) }
}
