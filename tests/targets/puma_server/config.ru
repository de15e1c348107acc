# A target of the matrix: a Rack application for Puma. The environment's REQUEST_LOG names its log.
requests = File.open(ENV.fetch('REQUEST_LOG'), 'a')

run(lambda do |environment|
  received = environment['rack.input'].read
  status = environment['PATH_INFO'][%r{\A/status/(\d+)\z}, 1]&.to_i || 200
  requests.syswrite("#{environment['REQUEST_METHOD']} #{status}\n")
  headers = status == 301 ? { 'Location' => '/hello' } : {}
  [status, headers, status == 204 ? [] : [received.empty? ? "answered\n" : received]]
end)
