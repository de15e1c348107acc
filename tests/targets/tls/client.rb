# An HTTPS client of the matrix: Ruby's net/http, a thread for each connection. Begins once a line has come on stdin.
# Usage: client.rb URL COUNT keep-alive|close MIX SEED CONNECTIONS.
require 'json'
require 'net/http'

url, count, mode, mix, seed, connections = ARGV
STEPS = File.readlines(mix).map(&:split)
server = URI(url)
counts = Hash.new(0)
lock = Mutex.new
$stdin.gets

def send_step(connection, (method, path, body_bytes), mode)
  request = Net::HTTP.const_get(method.capitalize).new(path)
  request['Connection'] = 'close' if mode == 'close'
  request.body = 'x' * body_bytes.to_i if body_bytes != '0'
  connection.request(request).code
end

workers = Array.new(connections.to_i) do |first|
  Thread.new do
    connect = -> { Net::HTTP.start(server.host, server.port, use_ssl: true) }
    connection = connect.call if mode == 'keep-alive'
    first.step(count.to_i - 1, connections.to_i) do |index|
      step = STEPS[(seed.to_i + index) % STEPS.size]
      one = connection || connect.call
      status = send_step(one, step, mode)
      one.finish unless connection
      lock.synchronize { counts["#{step[0]} #{status}"] += 1 }
    end
    connection&.finish
  end
end
workers.each(&:join)
puts JSON.generate(counts)
