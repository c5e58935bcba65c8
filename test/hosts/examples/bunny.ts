import { handler } from './handler.ts'

Bunny.v1.serve(handler)
