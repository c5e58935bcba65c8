// Chosen by the export condition `workerd`. The whole module: an older one has no such export, and a
// name that is missing would keep the Worker from starting.
import * as workers from 'cloudflare:workers'

export const platformWaitUntil: ((promise: Promise<unknown>) => void) | undefined =
  workers.waitUntil
