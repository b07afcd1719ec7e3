import {act, ahead, badge, closable, facts, fold, get, go, h, hashOf, isKey, link, now, pager, plain, post, request,
	say, scope, secret, section, show, span, state, table, tabs, time} from './page.js'

const WHEN = {dead: 'Died', pending: 'Next try', sent: 'Sent'}

export function mails({query}) {
	const tab = WHEN[query.state] ? query.state : 'dead'
	const isDead = tab === 'dead'
	const hash = state => hashOf('mails', {...query, state, after: ''})
	const row = it => [plain(it.kind) ?? it.id, it.to, link(`#/orders/${it.order_id}`, `#${it.order_id}`),
		time(it.died_at ?? it.sent_at ?? it.next_attempt_at), it.attempts, it.last_error,
		[preview(it.id), ' ', isDead && retry(it.id)]]
	show([h('h1', 'Mails'), tabs('State', Object.keys(WHEN), tab, hash)],
		() => get('emails/', {...query, state: tab, limit: 50, order: tab === 'sent' && 'desc'}),
		({emails, next}) => [isDead && emails.length > 0
			&& h('p.buttons', act('Retry all', retryAll, {sure: 'Try all dead mails again?'})),
			table('Mails', `Mail,To,Order,${WHEN[tab]},Tries,Error,Actions`, emails.map(row)),
			pager('mails', query, next)], 10000)
}

const retry = id => act('Retry', `emails/${id}/retry`, {of: `mail ${id}`, said: 'It is tried again.'})
const preview = id => act('Preview', () => get(`emails/${id}`), {of: `mail ${id}`, then: mail =>
	closable(mail.subject, [h('p', `To ${mail.to}`), h('pre', {tabindex: 0}, mail.text)])})

async function retryAll() {
	let after = '', count = 0
	do {
		const answer = await post(`emails/retry${after && `?after=${after}`}`)
		count += answer.retried
		after = answer.next
	} while (after)
	say(`${count} are tried again.`)
}

const note = () => isKey() && state('A key may not change webhooks: that takes a password.')

function stateOf(it) {
	if (it.state === 'disabled') return badge('canceled', 'disabled')
	return it.failing_since ? badge('failed', ['failing since ', time(it.failing_since)]) : badge('completed', 'well')
}

export function webhooks({id}) {
	if (id) return webhook(id, `webhooks/${id}`)
	const fields = [['url', 'url', {label: 'URL'}], ['types', 'text', {hint: 'such as order.ready; all where empty'}]]
	const add = values => post('webhooks/create', {...values, types: values.types?.split(/[\s,]+/)})
	const then = made => secret('The webhook’s secret', made.secret)
	const row = it => [link(`#/webhooks/${it.id}`, it.url), stateOf(it), it.backlog,
		time(it.next_attempt_at), it.last_error]
	show([h('h1', 'Webhooks'), note() || fold('Add a webhook', fields, add, {then})], () => get('webhooks/'),
		({webhooks}) => table('Webhooks', 'URL,State,Backlog,Next try,Last error', webhooks.map(row)), 10000)
}

function webhook(id, path) {
	let cursor
	const position = () => [['after', 'text', {label: 'Go on after event', inputmode: 'numeric', value: cursor,
		hint: 'smaller repeats, larger skips'}]]
	const seek = ({after}) => post(`${path}/seek`, {after: Number(after)})
	const acts = it => h('div.acts', act('Send a test', `${path}/test`, {then: tellTest}),
		it.state === 'disabled' ? act('Enable', `${path}/enable`) : act('Disable', `${path}/disable`),
		act('Rotate the secret', `${path}/rotate`, {sure: 'Make a new secret? The old one signs too for 24 hours.',
			then: made => secret('The new secret', made.secret)}),
		act('Delete', `${path}/delete`, {sure: 'Delete this webhook?', then: () => go('#/webhooks')}))
	show([h('h1', `Webhook ${id}`), note() || fold('Move its position', position, seek)], () => get(path), it => {
		cursor = it.cursor
		return [!isKey() && acts(it), facts({URL: it.url, State: stateOf(it), Types: it.types?.join(', ') ?? 'all',
			Description: it.description, Position: cursor, Backlog: it.backlog, 'Next try': time(it.next_attempt_at),
			'Last error': it.last_error}), h('h2', 'Last attempts'),
			table('Attempts', 'When,Event,Status,Took,Answer', it.attempts.map(attempt))]
	}, 10000)
}

const tellTest = it => say(it.status ? `It answered ${it.status} after ${it.ms} ms. ${it.answer ?? ''}` : it.error,
	!it.status || it.status >= 300)
const attempt = it => [time(it.at), it.event_id, it.status, `${it.ms} ms`, it.error ?? it.answer]

const MAX_SAMPLES = 120
const CHARTS = {
	Requests: '',
	'Orders placed': 'orders/create.*"200"',
	'Refused (4xx)': 'status="4',
	'Failed (5xx)': 'status="5'
}
const samples = []

// Of Prometheus's text: a sum over labels that fit.
const reader = text => (name, labels = '') => [...text.matchAll(/^([a-z_]+)(\{.*\})? (\S+)/gm)]
	.filter(it => it[1] === name && RegExp(labels).test(it[2]))
	.reduce((all, it) => all + Number(it[3]), 0)

function sample(metric) {
	samples.push({at: performance.now(), counts: Object.values(CHARTS).map(it => metric('http_requests_total', it))})
	samples.splice(0, samples.length - MAX_SAMPLES)
}

function chart(name, n) {
	const rate = (it, before) => Math.max(0, (it.counts[n] - before.counts[n]) * 1000 / (it.at - before.at))
	const rates = samples.slice(1).map((it, at) => rate(it, samples[at]))
	const top = Math.max(...rates, 0.001)
	const point = (it, at) => `${242 - (rates.length - at) * 2},${44 - it / top * 40}`
	const words = rates.length ? `${rates.at(-1).toFixed(1)}/s, at most ${top.toFixed(1)}/s` : 'counting…'
	return h('figure.card', h('figcaption', h('b', name), ' ', words),
		h('svg', {viewBox: '0 0 240 46', 'aria-hidden': 'true'},
			h('line.axis', {y1: 45, x2: 240, y2: 45}), h('polyline', {points: rates.map(point)})))
}

const bytes = it => it && (it < 2 ** 30 ? `${(it / 2 ** 20).toFixed(1)} MiB` : `${(it / 2 ** 30).toFixed(1)} GiB`)

// Through memory: a link carries no token.
async function backup() {
	const answer = await request('GET', 'admin/backup')
	const href = URL.createObjectURL(await answer.blob())
	h('a', {href, download: `orders-${new Date(now()).toISOString().slice(0, 10)}.redb`}).click()
	setTimeout(() => URL.revokeObjectURL(href), 60000)
}

export function system() {
	const orNone = asked => asked.catch(fault => [403, 404].includes(fault.status) ? null : Promise.reject(fault))
	show([h('h1', 'System')], () => Promise.all([
		get('health').catch(fault => fault.body?.status ? fault.body : Promise.reject(fault)),
		orNone(get('admin/status')),
		orNone(request('GET', 'metrics', scope).then(it => it.text()))
	]), view, 5000)
}

function view([health, status, text]) {
	const metric = text && reader(text)
	const gauge = name => metric(`orderd_${name}`)
	const faults = [health.reason, health.warning, ...Object.values(status?.faults ?? {})]
	const off = `${span(Math.abs(ahead))} ${ahead > 0 ? 'slow' : 'fast'}`
	const left = [!status && 'the state and backups', !metric && 'the metrics'].filter(Boolean)
	if (metric) sample(metric)
	return [h('div.cards',
		section('Health', badge(health.status === 'healthy' ? 'completed' : 'failed', health.status),
			faults.map(it => h('p.fault', it)),
			facts({Version: health.version, 'Up for': metric && span(gauge('uptime_seconds') * 1000),
				Clock: Math.abs(ahead) > 60000 && `This computer’s is ${off}; ages go by the server’s.`})),
		metric && section('Store', facts({Orders: gauge('orders_stored'), Users: gauge('users'),
			Size: bytes(gauge('store_size_bytes')), 'Disk free': bytes(gauge('disk_free_bytes'))})),
		metric && section('Backlogs', facts({'Mails to send': gauge('outbox_pending'),
			'Dead mails': gauge('outbox_dead'), 'Webhook events': gauge('webhook_backlog')})),
		status && section('Backups', facts({'Last verified': time(status.last_backup_at) ?? 'none since the start'}),
			act('Download a backup', backup, {said: 'It is verified, and downloaded.'})),
		metric && Object.keys(CHARTS).map(chart)),
	left.length > 0 && state(`Left out: ${left.join(' and ')}. `,
		isKey() ? 'A key may not see that.' : 'A proxy hides that; it is on orderd’s own port.')]
}
