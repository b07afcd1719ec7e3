import {act, ahead, badge, facts, get, h, isKey, now, request, scope, section, show, span, state, time, title} from './page.js'

const EVERY_MS = 5000, MAX_SAMPLES = 120
const CHARTS = {Requests: '', 'Orders placed': 'orders/create.*"200"', 'Refused (4xx)': 'status="4', 'Failed (5xx)': 'status="5'}
const samples = []

// Of Prometheus's text: a sum over labels that fit.
const reader = text => (name, labels = '') => [...text.matchAll(/^([a-z_]+)(\{.*\})? (\S+)/gm)]
	.filter(it => it[1] === name && RegExp(labels).test(it[2])).reduce((all, it) => all + Number(it[3]), 0)

function chart(name, n) {
	const all = samples.slice(1).map((it, at) => Math.max(0, (it.counts[n] - samples[at].counts[n]) * 1000 / (it.at - samples[at].at)))
	const top = Math.max(...all, 0.001), d = all.map((it, at) => `${at ? 'L' : 'M'}${242 - (all.length - at) * 2} ${44 - it / top * 40}`).join('')
	return h('figure.card', h('figcaption', h('b', name), all.length ? ` ${all.at(-1).toFixed(1)}/s, at most ${top.toFixed(1)}/s` : ' counting…'),
		h('svg', {viewBox: '0 0 240 46', 'aria-hidden': 'true'}, h('path.axis', {d: 'M0 45H240'}), h('path', {d})))
}

const bytes = it => it && (it < 2 ** 30 ? `${(it / 2 ** 20).toFixed(1)} MiB` : `${(it / 2 ** 30).toFixed(1)} GiB`)

// Through memory: a link carries no token.
async function backup() {
	const href = URL.createObjectURL(await (await request('GET', 'admin/backup')).blob())
	h('a', {href, download: `orders-${new Date(now()).toISOString().slice(0, 10)}.redb`}).click()
	setTimeout(() => URL.revokeObjectURL(href), 60000)
}

export default function page(to) {
	const orNone = made => made.catch(fault => [403, 404].includes(fault.status) ? null : Promise.reject(fault))
	show(to, [title('System')], () => Promise.all([get('health').catch(fault => fault.body?.status ? fault.body : Promise.reject(fault)), orNone(get('admin/status')),
		orNone(request('GET', 'metrics', scope).then(it => it.text()))]), view, EVERY_MS)
}

function view([health, status, text]) {
	const metric = text && reader(text), gauge = name => metric(`orderd_${name}`), isWell = health.status === 'healthy', left = [!status && 'the state and backups', !metric && 'the metrics'].filter(Boolean)
	if (metric) samples.push({at: performance.now(), counts: Object.values(CHARTS).map(it => metric('http_requests_total', it))})
	samples.splice(0, samples.length - MAX_SAMPLES)
	return [h('div.cards', section('Health', badge(isWell ? 'completed' : 'failed', health.status), [health.reason, health.warning, ...Object.values(status?.faults ?? {})].map(it => h('p.fault', it)),
		facts({Version: health.version, 'Up for': metric && span(gauge('uptime_seconds') * 1000), Clock: Math.abs(ahead) > 60000 && `This computer’s is ${span(Math.abs(ahead))} ${ahead > 0 ? 'slow' : 'fast'}; ages go by the server’s.`})),
	metric && [section('Store', facts({Orders: gauge('orders_stored'), Users: gauge('users'), Size: bytes(gauge('store_size_bytes')), 'Disk free': bytes(gauge('disk_free_bytes'))})),
		section('Backlogs', facts({'Mails to send': gauge('outbox_pending'), 'Dead mails': gauge('outbox_dead'), 'Webhook events': gauge('webhook_backlog')}))],
	status && section('Backups', facts({'Last verified': time(status.last_backup_at) ?? 'none since the start'}), act('Download a backup', backup, {said: 'It is verified, and downloaded.'})),
	metric && Object.keys(CHARTS).map(chart)), left.length > 0 && state(`Left out: ${left.join(' and ')}. ${isKey() ? 'A key may not see that.' : 'A proxy hides that; it is on orderd’s own port.'}`)]
}
