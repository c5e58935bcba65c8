interface Gate {
  readonly opened: Promise<void>
  readonly open: () => void
}

// On the global object: every route is a bundle with module state of its own.
const shared = globalThis as typeof globalThis & { gates?: Map<string, Gate> }

export function gate(name: string): Gate {
  const gates = (shared.gates ??= new Map())
  let found = gates.get(name)
  if (found === undefined) {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>()
    found = { opened, open }
    gates.set(name, found)
  }
  return found
}

/** Resolves when the suite has asked for `/gate?open=<name>`, also from the edge runtime's sandbox. */
export async function passed(name: string): Promise<void> {
  if (process.env.NEXT_RUNTIME !== 'edge') return gate(name).opened
  await fetch(`http://127.0.0.1:${process.env.PORT}/gate?wait=${name}`, { cache: 'no-store' })
}
