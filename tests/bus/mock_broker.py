"""A broker for one fault that a real one cannot be made to have when wanted: librdkafka's own mock of a cluster."""
import ctypes

PRODUCE = 0                         # Kafka's number of the request
NOT_LEADER_OR_FOLLOWER = 6          # refused for now: to be sent again
TOPIC_AUTHORIZATION_FAILED = 29
PRODUCER = 0                        # rd_kafka_type_t


class MockBroker:
    """One broker, with topics of one partition. Like a real one that does not know a producer yet, it takes whatever
    sequence number comes first."""

    def __init__(self, *topics):
        self.lib = lib = ctypes.CDLL("librdkafka.so.1")
        for function in (lib.rd_kafka_conf_new, lib.rd_kafka_new, lib.rd_kafka_mock_cluster_new):
            function.restype = ctypes.c_void_p
        lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        why = ctypes.create_string_buffer(256)
        self.owner = ctypes.c_void_p(lib.rd_kafka_new(PRODUCER, ctypes.c_void_p(lib.rd_kafka_conf_new()), why, len(why)))
        assert self.owner, why.value
        self.cluster = ctypes.c_void_p(lib.rd_kafka_mock_cluster_new(self.owner, 1))
        self.brokers = lib.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        for topic in topics:
            assert lib.rd_kafka_mock_topic_create(self.cluster, topic.encode(), 1, 1) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lib.rd_kafka_mock_cluster_destroy(self.cluster)
        self.lib.rd_kafka_destroy(self.owner)

    def answer_after(self, milliseconds):
        assert self.lib.rd_kafka_mock_broker_set_rtt(self.cluster, 1, milliseconds) == 0

    def refuse_next_produce(self, code):
        self.lib.rd_kafka_mock_push_request_errors(self.cluster, ctypes.c_int16(PRODUCE), ctypes.c_size_t(1), code)

    def refuse_topic(self, topic, code):
        self.lib.rd_kafka_mock_topic_set_error(self.cluster, topic.encode(), code)

    def take_leader(self, topic):
        """It is known, but nobody takes what is sent to it."""
        assert self.lib.rd_kafka_mock_partition_set_leader(self.cluster, topic.encode(), 0, -1) == 0
