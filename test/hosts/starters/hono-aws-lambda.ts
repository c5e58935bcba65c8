import { serveStreamed } from '../app/lambda.ts'

await serveStreamed(() => import('../examples/hono-aws-lambda.ts'))
